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
    """The readable part of an object or a list of objects; None where there is none."""
    shape = _struct_in(wanted)
    if shape is None:
        return None
    if isinstance(value, dict):
        return loosely(value, shape)
    if isinstance(value, list):
        return [v if isinstance(v, str) else loosely(v, shape) for v in value if isinstance(v, dict | str)]
    return None


def _struct_in(wanted: object) -> type[msgspec.Struct] | None:
    """The one struct type inside a union or list type."""
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        return wanted
    for inner in typing.get_args(wanted):
        found = _struct_in(inner)
        if found is not None:
            return found
    return None
