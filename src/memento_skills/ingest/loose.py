"""JSON of hostile or careless origin: as much of it as can be read, and a reason where nothing can."""

from __future__ import annotations

import re
import typing
from typing import Any, TypeVar

import msgspec

from memento_skills.errors import BadInput

_Shape = TypeVar("_Shape", bound=msgspec.Struct)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..(?:\\u[dD][c-fC-F]..)?|u[dD][c-fC-F]..|.)", re.DOTALL)


def whole_characters(line: bytes) -> bytes:
    r"""`line` with each half of a surrogate pair (`\ud83d` alone: a string cut by its client) as U+FFFD."""
    if not _SURROGATE.search(line):
        return line

    def mended(found: re.Match[bytes]) -> bytes:
        escape = found[0]
        return rb"\ufffd" if len(escape) == 6 and escape[2:3] in b"dD" and escape[3:4] in b"89abcdefABCDEF" else escape

    return _ESCAPE.sub(mended, line)


_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class NotReadable(BadInput):
    """A line that holds no JSON; `what` is the reason."""


def json_of(line: bytes) -> object:
    """The JSON value of a line, NaN and Infinity refused. Raises NotReadable with the reason."""
    try:
        return msgspec.json.decode(whole_characters(line), type=object)
    except UnicodeDecodeError:
        raise NotReadable("not UTF-8") from None
    except RecursionError:
        raise NotReadable("nested too deeply") from None
    except msgspec.DecodeError as error:
        raise NotReadable(f"not JSON: {error}") from None


def objects_in(head: bytes, limit: int = 12) -> list[dict[str, msgspec.Raw]]:
    """The first objects that stand on lines of their own in the beginning of a file, values unparsed.

    None where most lines are something else: a document that quotes a log is no log.
    """
    found: list[dict[str, msgspec.Raw]] = []
    others = 0
    for line in head.split(b"\n"):
        try:
            found.append(_object(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            others += bool(line.strip())
        if len(found) >= limit:
            break
    return found if others <= 9 * len(found) else []


def loosely(raw: dict[str, Any], shape: type[_Shape]) -> _Shape:
    """As much of `raw` as has the types of `shape`; a field that has not keeps its default."""
    made = shape()
    for field in msgspec.structs.fields(shape):
        if field.name in raw:
            value = raw[field.name]
            try:
                setattr(made, field.name, msgspec.convert(value, field.type))
            except (msgspec.ValidationError, RecursionError):
                partly = _partly(value, field.type)
                if partly is not None:
                    setattr(made, field.name, partly)
    return made


def _partly(value: object, wanted: object) -> object:
    """The readable part of an object or of a list of objects, where one is wanted; else None."""
    options = (wanted, *typing.get_args(wanted))
    if isinstance(value, dict):
        shape = next((option for option in options if _is_struct(option)), None)
        return loosely(value, shape) if shape else None
    if isinstance(value, list):
        inner = [arg for option in options if typing.get_origin(option) is list for arg in typing.get_args(option)]
        wanted_inside = [arg for part in inner for arg in (part, *typing.get_args(part))]
        shape = next((arg for arg in wanted_inside if _is_struct(arg)), None)
        if shape:
            words = str in wanted_inside
            kept = (v for v in value if isinstance(v, dict) or (words and isinstance(v, str)))
            return [loosely(v, shape) if isinstance(v, dict) else v for v in kept]
    return None


def _is_struct(kind: object) -> typing.TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
