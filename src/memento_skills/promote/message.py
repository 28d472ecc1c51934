"""Commit messages, trailers and ref names: the places where words from logs enter git.

Only the last paragraph of a message holds trailers, and it is made of ids alone. Every other line that could carry
foreign words is indented, so that it can be read neither as a trailer, nor as a divider, nor as an option.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterable, Sequence

from memento_skills.masking import Masker, visible
from memento_skills.records import Patch
from memento_skills.skilldoc import slug

_UNSAFE = re.compile(r"[^A-Za-z0-9._:@/#-]+")
EVIDENCE = 10
"""At most so many `Evidence:` trailers."""


def token(text: str) -> str:
    """`text` as one word of harmless characters, at most 120; `-` where nothing is left."""
    return _UNSAFE.sub("_", text)[:120].strip("_") or "-"


def shown(text: str, key: str) -> str:
    """`text` with secrets masked and control characters visible, on one line. `key` salts the masks."""
    masked = Masker(salt=key.encode()).mask_text(text)
    return visible(" ".join(masked.split()))


def ref_part(text: str) -> str:
    """`text` as one component of a ref name: lower case words; a digest where nothing is left."""
    part = re.sub(r"[^a-z0-9]+", "-", slug(text).lower()).strip("-")[:60].strip("-")
    return part or hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def branch_ref(skill: str, patch: str, suffix: str = "") -> str:
    """Full name of the branch of a patch: `refs/heads/memento/<skill>/<patch id>`."""
    return f"refs/heads/memento/{ref_part(skill)}/{ref_part(patch)}{suffix}"


def promotion_message(patch: Patch, trailers: Sequence[tuple[str, str]]) -> str:
    """The message of a promotion's commit: subject, the rule (indented), trailers."""
    verb = {
        "amend": "amend",
        "create": "add",
        "permission": "change the permissions of",
        "retire": "take a rule out of",
    }[patch.kind]
    whose = "" if patch.scope.level == "base" else f" for {patch.scope.level} {ref_part(patch.scope.name)}"
    return _message(f"skill {ref_part(patch.skill.name)}: {verb} it{whose}", [shown(patch.rule, patch.id)], trailers)


def rollback_message(skill: str, reason: str, key: str, trailers: Sequence[tuple[str, str]]) -> str:
    """The message of a rollback's commit: subject, the reason (indented), trailers."""
    return _message(f"skill {ref_part(skill)}: roll back", [shown(reason, key)], trailers)


def evidence_trailers(evidence: Iterable[tuple[str, int]]) -> list[tuple[str, str]]:
    """`Evidence:` trailers of (run, step) pairs: ids only, the first `EVIDENCE` of them."""
    pairs = list(dict.fromkeys(evidence))[:EVIDENCE]
    return [("Evidence", f"{token(run)}#{step}") for run, step in pairs]


def _message(subject: str, paragraphs: Iterable[str], trailers: Sequence[tuple[str, str]]) -> str:
    body = [textwrap.fill(p, 72, initial_indent="  ", subsequent_indent="  ") for p in paragraphs if p.strip()]
    last = "\n".join(f"{name}: {' '.join(token(word) for word in value.split())}" for name, value in trailers)
    return "\n\n".join([subject, *body, last]) + "\n"
