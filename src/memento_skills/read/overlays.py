"""Overlays: a tenant's or a user's amendment of a skill, in a file of its own, resolved `base + tenant + user`.

An overlay appends sections; it never edits the base, and its `allowed-tools`, where it states any, are a subset of
the base's. File names are slugs with a hash where the slug loses something, so that two tenants never share a file.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Literal

from memento_skills.errors import BadInput, CheckFailed
from memento_skills.records import Record, Scope
from memento_skills.skilldoc import SkillDoc, allowed_tools, amend, parse, revision, slug, widened

FOLDER = ".overlays"
_FIELDS = frozenset({"skill", "for", "allowed-tools"})
_LEVELS = {"tenant": "tenants", "user": "users"}


class Resolved(Record, frozen=True, kw_only=True):
    """A skill as one user of one tenant gets it."""

    text: str
    base: str
    """Revision (hash) of the base skill."""
    tenant: str = ""
    """Revision of the tenant's overlay; "" = none."""
    user: str = ""
    tools: frozenset[str] = frozenset()
    """What the narrowest of the three allows."""


def overlay_path(skill: str, scope: Scope) -> str:
    """Where the overlay of a skill lies, relative to the library: `.overlays/tenants/<name>/<skill>.md`.

    Raises BadInput for the scope `base` and for an empty name.
    """
    if scope.level == "base" or not scope.name:
        raise BadInput("an overlay is for a named tenant or user", where=f"{scope.level} {scope.name!r}")
    return f"{FOLDER}/{_LEVELS[scope.level]}/{file_name(scope.name)}/{file_name(skill)}.md"


def file_name(name: str) -> str:
    """`name` where it is a slug already, else its slug and a hash of it: different names give different files."""
    short = slug(name)
    if short == name:
        return short
    return f"{short[:48].strip('-')}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def amended(overlay: str, rule: str, *, skill: str, scope: Scope) -> str:
    """The overlay's text with one more rule; `overlay` is "" where there is no file yet.

    Raises BadInput where the overlay cannot be read or the rule cannot stand as one list item.
    """
    start = f"---\nskill: {json.dumps(skill)}\nfor: {json.dumps(f'{scope.level} {scope.name}')}\n---\n"
    return amend(parse(overlay or start), rule)


def resolve(base: str, tenant: str = "", user: str = "") -> Resolved:
    """The text of the skill with the overlays' sections behind it, in that order; "" = there is no such overlay.

    The base comes through byte for byte at the start. Raises CheckFailed for an overlay that widens the tools, BadInput
    for one that cannot be read.
    """
    doc = parse(base)
    tools, text = allowed_tools(doc), base
    for level, overlay in (("tenant", tenant), ("user", user)):
        if not overlay:
            continue
        piece = parse(overlay)
        if piece.unreadable:
            raise BadInput(f"an overlay cannot be read: {piece.unreadable.message}", where=f"{level} overlay")
        tools = _narrowed(tools, piece, level)
        text = _appended(text, piece, doc.newline)
    return Resolved(
        text=text,
        base=revision(base),
        tenant=revision(tenant) if tenant else "",
        user=revision(user) if user else "",
        tools=tools,
    )


def _narrowed(tools: frozenset[str], overlay: SkillDoc, level: str) -> frozenset[str]:
    front = overlay.front or {}
    unknown = sorted(front.keys() - _FIELDS)
    if unknown:
        hint = f"it may state {', '.join(sorted(_FIELDS))}"
        raise CheckFailed(f"an overlay states {unknown[0]!r}", where=f"{level} overlay", hint=hint)
    if "allowed-tools" not in front:
        return tools
    stated = allowed_tools(overlay)
    wider = widened(tools, stated)
    if wider:
        raise CheckFailed(f"an overlay widens allowed-tools by {', '.join(sorted(wider))}", where=f"{level} overlay")
    return stated


def _appended(text: str, overlay: SkillDoc, newline: Literal["\n", "\r\n", "\r"]) -> str:
    body = re.sub(r"\r\n|\r|\n", newline, overlay.body).strip("\r\n")
    if not body.strip():
        return text
    gap = newline if text.endswith(("\n", "\r")) else newline * 2
    whole = text + gap + body + newline
    before, after = parse(text), parse(whole)
    if len(after.sections) != len(before.sections) + len(overlay.sections):
        raise BadInput("the skill ends inside an open code block: an overlay cannot follow it", hint="close the block")
    return whole
