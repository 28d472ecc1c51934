"""A new SKILL.md, a name for it, and the diff of two versions."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence

import yaml

from memento_skills.errors import BadInput
from memento_skills.skilldoc.amend import HEADING, amend
from memento_skills.skilldoc.check import MAX_NAME, check
from memento_skills.skilldoc.document import parse

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ,.;()/_-]*[A-Za-z0-9.)]")
_YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def create(name: str, description: str, title: str, rules: Sequence[str]) -> str:
    """A new SKILL.md with the rules under `Known pitfalls`, valid by the specification in a folder of that name.

    Raises BadInput where name, description or a rule breaks the specification's limits, or there is no rule.
    """
    if not rules:
        raise BadInput("a skill without a rule", where=repr(name[:MAX_NAME]), hint="give at least one")
    words = " ".join(description.split())
    heading = " ".join(title.split()) or name
    text = f"---\nname: {_scalar(name)}\ndescription: {_scalar(words)}\n---\n\n# {heading}\n\n## {HEADING}\n"
    for rule in rules:
        text = amend(parse(text), rule)
    doc = parse(text)
    problem = next((p for p in check(doc, folder=name) if p.severity == "error"), None)
    if problem is not None:
        raise BadInput(f"not a valid skill: {problem.message}", where=f"line {problem.line}")
    if (doc.name, doc.description) != (name, words):
        raise BadInput(
            "the name or description does not survive its YAML", where=repr(name[:MAX_NAME]), hint="reword it"
        )
    return text


def slug(text: str) -> str:
    """A valid skill name for any text: ASCII words joined by hyphens, at most 64 characters, cut between words.

    Text without an ASCII letter or digit gives `skill-` and a hash of it, so that two such texts differ.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words: list[str] = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    if not words:
        return "skill-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    name = words[0][:MAX_NAME]
    for word in words[1:]:
        if len(name) + 1 + len(word) > MAX_NAME:
            break
        name += "-" + word
    # a name that YAML takes for a number, a date or a truth value would need quotes wherever it is written
    return name if isinstance(yaml.safe_load(name), str) else f"skill-{name}"[:MAX_NAME].rstrip("-")


def diff(before: str, after: str, path: str) -> str:
    """A unified diff that `git apply` takes; "" where nothing differs. `before` "" means a new file.

    Lines end at LF alone, as git sees them; other line endings stay in the lines.
    """
    if before == after:
        return ""
    old_path = _quoted_path("a/" + path) if before else "/dev/null"
    new_path = _quoted_path("b/" + path)
    hunks = difflib.unified_diff(_git_lines(before), _git_lines(after), old_path, new_path, n=3)
    return "".join(_closed(hunks))


def _git_lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def _closed(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _quoted_path(path: str) -> str:
    """As git quotes a path that holds what could end the header line or hide in it."""
    if path.isascii() and path.isprintable() and not set(path) & {'"', "\\", " "}:
        return path
    quoted = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\{byte:03o}"
        for byte in path.encode("utf-8", "surrogatepass")
    )
    return f'"{quoted}"'


def _scalar(value: str) -> str:
    """A YAML scalar on one line: plain where that is plainly safe, else double-quoted (JSON is YAML)."""
    if _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
