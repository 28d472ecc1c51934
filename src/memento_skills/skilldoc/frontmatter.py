"""The YAML between the two `---` lines: found by whole lines, loaded without anchors, tags, or dates.

Scalars stay text, but for true, false and null: a client that turns `version: 1.0` into a number or `on` into a
date must not decide what we compare. Anchors and explicit tags are refused (expansion, code); of a key that stands
twice the last value counts, as in most clients, and the doubling is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import yaml

from memento_skills.records import Record

MAX_FRONT = 65_536
"""Characters: the loader needs seconds for more, and the specification's fields fit in 3,000."""
_MAX_DEPTH = 16

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_FIELD = re.compile(r"([A-Za-z_][\w.-]*):[ \t]+(\S.*?)[ \t]*")


class Problem(Record, frozen=True, kw_only=True):
    """One thing that is wrong with a SKILL.md; severity as the specification has it."""

    code: str
    """Stable name: `name-folder`, `yaml`, `body-long`, …"""
    message: str
    """One line: what, and what to do."""
    line: int = 1
    """In the file, from 1."""
    severity: Literal["error", "warning"] = "error"


class Front(NamedTuple):
    """What stands between the `---` lines. `fields` is None where it could not be loaded."""

    fields: dict[str, Any] | None
    body: int
    """Index of the first line after the closing `---`."""
    problems: tuple[Problem, ...]


class _Refused(Exception):
    """YAML that is valid and yet not read: anchors, tags, depth."""

    def __init__(self, code: str, message: str, line: int) -> None:
        super().__init__(message)
        self.problem = Problem(code=code, message=message, line=line)


def split_lines(text: str) -> list[str]:
    """The lines with their endings, broken at LF, CRLF and CR alone, as Markdown does (`str.splitlines` also
    breaks at form feeds and Unicode separators); joined they are the text again."""
    return _LINE.findall(text)


def load(lines: list[str]) -> Front:
    """Find and load the front matter of a document given as lines (without byte order mark). Never raises."""
    if not lines or lines[0].rstrip() != "---":
        return _unreadable("front-missing", "no front matter: begin the file with a line `---`", 1)
    closing = next((i for i, line in enumerate(lines) if i and line.rstrip() == "---"), None)
    if closing is None:
        return _unreadable("front-unclosed", "the front matter is not closed: add a line `---` after it", 1)
    text = "".join(lines[1:closing])
    body = closing + 1
    if len(text) > MAX_FRONT:
        problem = Problem(code="front-large", message=f"the front matter has more than {MAX_FRONT} characters: cut it")
        return Front(None, body, (problem,))
    fields, problems = _load_leniently(text)
    return Front(fields, body, problems)


def _unreadable(code: str, message: str, line: int) -> Front:
    return Front(None, 0, (Problem(code=code, message=message, line=line),))


def _load_leniently(text: str) -> tuple[dict[str, Any] | None, tuple[Problem, ...]]:
    """As it stands; failing that, with the commonest slip (an unquoted `: ` in a value) repaired, and said so."""
    try:
        return _load(text)
    except _Refused as refused:
        return None, (refused.problem,)
    except yaml.YAMLError as error:
        problem = _yaml_problem(error)
    repaired = _quoted(text)
    if repaired == text:
        return None, (problem,)
    try:
        fields, problems = _load(repaired)
    except (_Refused, yaml.YAMLError):
        return None, (problem,)
    hint = Problem(
        code="yaml-quoting",
        message=f"{problem.message}; read as if the value were quoted: quote it",
        line=problem.line,
    )
    return fields, (hint, *problems)


def _yaml_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    line = mark.line + 2 if mark is not None else 2
    return Problem(code="yaml", message=f"the front matter is not valid YAML ({what})", line=line)


def _load(text: str) -> tuple[dict[str, Any] | None, tuple[Problem, ...]]:
    """Raises YAMLError for what is not YAML, _Refused for what is not read."""
    _refuse_expansion(yaml.parse(text, Loader=yaml.SafeLoader))
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return None, (Problem(code="front-mapping", message="the front matter holds no `key: value` lines", line=2),)
    problems: list[Problem] = []
    fields = _mapping(root, problems)
    return fields, tuple(problems)


def _refuse_expansion(events: Iterator[Any]) -> None:
    """Before anything is built: an alias can expand to gigabytes, a tag can name a type, depth can end the stack."""
    depth = 0
    for event in events:
        line = event.start_mark.line + 2
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Refused("yaml-anchor", "YAML anchors and aliases are not read: write the value out", line)
        if getattr(event, "tag", None) is not None:
            raise _Refused("yaml-tag", "YAML tags are not read: remove the `!…`", line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise _Refused("yaml-depth", f"the front matter nests deeper than {_MAX_DEPTH}: flatten it", line)


def _value(node: yaml.Node, problems: list[Problem]) -> object:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, problems)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, problems) for child in node.value]
    if node.tag == "tag:yaml.org,2002:null":
        return None
    if node.tag == "tag:yaml.org,2002:bool":
        return node.value.lower() in {"true", "yes", "on"}
    return node.value


def _mapping(node: yaml.MappingNode, problems: list[Problem]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key_node, value_node in node.value:
        # A mapping as a key has no name to be asked by; its source text at least tells two such keys apart.
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else repr(_value(key_node, problems))
        if key in fields:
            message = f"the key {key[:60]!r} stands twice in the front matter: keep one"
            problems.append(Problem(code="yaml-duplicate", message=message, line=key_node.start_mark.line + 2))
        fields[key] = _value(value_node, problems)
    return fields


def _quoted(text: str) -> str:
    """The text with each top-level value that is not YAML by itself put into quotes, and tabs as indentation
    turned into spaces."""
    repaired = []
    for line in split_lines(text):
        content = line.rstrip("\r\n")
        ending = line[len(content) :]
        indent = content[: len(content) - len(content.lstrip())]
        plain = indent.replace("\t", "  ") + content.lstrip()
        found = _FIELD.fullmatch(plain)
        if found and not _stands(plain) and not _goes_on(found[2]):
            plain = f"{found[1]}: '" + found[2].replace("'", "''") + "'"
        repaired.append(plain + ending)
    return "".join(repaired)


def _goes_on(value: str) -> bool:
    """Whether a value that fails by itself may be the beginning of one that goes on in the next line."""
    return value[0] in "[{" or (value[0] in "\"'" and value.count(value[0]) == 1)


def _stands(line: str) -> bool:
    try:
        yaml.compose(line, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return False
    return True
