"""The grouping of stored failures: brought to this version of the signature, and changed by a person's word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from msgspec.structs import replace

from memento_skills import curate, detect
from memento_skills.app.options import Options, Progress
from memento_skills.app.parts import Parts
from memento_skills.detect import regroup
from memento_skills.errors import UsageError
from memento_skills.records import Failure, Pattern, Ruling, Signature, digest
from memento_skills.store.moves import EVIDENCE, RULING, VERSION
from memento_skills.store.store import Store
from memento_skills.store.tx import Tx

OWN = "memento"
"""Who rules where no person does."""
NOTE = "grouping"
"""Note of the store: version of the signatures of its failures."""


class Groups:
    """The rulings of a store, ready to be applied to new failures."""

    def __init__(self, store: Store) -> None:
        self._rulings = store.rulings()
        self._moved = store.moves(VERSION) if self._rulings else {}
        self._signatures = [pattern.signature for pattern in store.patterns()] if self._rulings else []

    def __call__(self, failures: Iterable[Failure]) -> tuple[Failure, ...]:
        """The failures as people want them grouped."""
        return regroup.regroup(failures, self._rulings, self._moved, self._signatures)


def up_to_date(store: Store, options: Options, parts: Parts, progress: Progress) -> int:
    """Find the failures of all runs anew where another version of the signature grouped them; how many moved.

    What was said about a pattern (reflections, patches, decisions, rulings) follows it to where most of its failures
    are now. Runs before anything new is read, so that only the grouping changes, not the evidence.
    """
    if store.note(NOTE) == detect.Template.name:
        return 0
    before = store.failures()
    if not before or all(failure.signature.version == detect.Template.name for failure in before):
        _noted(store)
        return 0
    patterns, found = store.patterns(), dict(_found(store, parts, progress))
    plain = [failure for failures in found.values() for failure in failures]
    raw = regroup.mapping(before, plain, regroup.original)
    ruled = regroup.regroup(plain, store.rulings(), raw)
    final = regroup.mapping(before, ruled)
    evidence = _evidence(patterns, final, detect.patterns(ruled, store.lineages(), now=options.now))
    with store.write() as tx:
        for key in found:
            tx.replace_failures(key, [failure for failure in ruled if failure.run == key])
        tx.put_moves(VERSION, final | raw)
        tx.put_moves(EVIDENCE, evidence)
        tx.put_note(NOTE, detect.Template.name)
        tx.audit("grouping", {"version": digest(detect.Template.name), "patterns": len(final)})
    return len(final)


def keep_apart(store: Store, options: Options, parts: Parts) -> int:
    """Rule that rare forms which one tenant alone has are patterns of their own; how many rulings were new.

    A person may take such a ruling back; it is not made again.
    """
    lineages, made = store.lineages(), 0
    known = [replace(f, lineage=lineages.get(f.run, f.run)) for f in store.failures()]
    ruled = {(r.pattern, r.part, r.value) for r in store.rulings()}
    for pattern, said in regroup.of_one_tenant(known):
        one = next(failure.signature for failure in known if failure.signature.id == pattern)
        if (pattern, "said", said) not in ruled:
            made += 1
            ruling = Ruling(
                id="", kind="split", pattern=pattern, signature=one, part="said", value=said, curator=OWN,
                at=options.now,
            )  # fmt: skip
            _rule(store, replace(ruling, id=digest("ruling", ruling)), options, parts, {})
    return made


def _noted(store: Store) -> None:
    with store.write() as tx:
        tx.put_note(NOTE, detect.Template.name)


def _found(store: Store, parts: Parts, progress: Progress) -> Iterator[tuple[str, tuple[Failure, ...]]]:
    headers = store.headers()
    for number, header in enumerate(headers):
        progress("grouping anew", number, len(headers))
        run = store.run(header.key)
        if run is not None:
            yield run.key, detect.failures(run, extra=parts.detectors)


def _evidence(patterns: Iterable[Pattern], moved: dict[str, str], now: Iterable[Pattern]) -> dict[str, str]:
    """From the hash of each pattern's evidence as it was judged to that of the same failures grouped anew."""
    known = {pattern.id: pattern for pattern in now}
    pairs = ((old, known.get(moved.get(old.id, ""))) for old in patterns)
    return {curate.evidence_hash(old): curate.evidence_hash(new) for old, new in pairs if new is not None}


# ------------------------------------------------------------------------------------------------------------ rulings


def merge(store: Store, goes: str, into: str, options: Options, parts: Parts, curator: str) -> Ruling:
    """Pattern `goes` becomes part of pattern `into`, now and in later scans; both by id or its beginning.

    Raises:
        BadInput: there is no such pattern, or more than one begins so.
        UsageError: both are the same.
    """
    one, other = store.pattern(goes), store.pattern(into)
    if one.id == other.id:
        raise UsageError("a pattern cannot be merged with itself", where=one.id, hint="name two patterns")
    ruling = _ruling("merge", one, curator, options.now, into=other.signature)
    _rule(store, ruling, options, parts, {one.id: other.id})
    return ruling


def split(store: Store, pattern: str, part: str, options: Options, parts: Parts, curator: str) -> Ruling:
    """The pattern becomes one for each value of a part of its signature that did not count before.

    Raises:
        BadInput: there is no such pattern, or more than one begins so.
        UsageError: the part does not divide it; the parts that do are named.
    """
    one = store.pattern(pattern)
    members = store.failures(signature=one.id)
    able = regroup.splittable([failure.signature for failure in members])
    if part not in able:
        named = ", ".join(f"{name} ({count})" for name, count in able.items()) or "none"
        raise UsageError(f"{part!r} does not divide this pattern", where=one.id, hint=f"parts that do: {named}")
    ruling = _ruling("split", one, curator, options.now, part=part)
    after = regroup.regroup(members, [ruling])
    _rule(store, ruling, options, parts, regroup.mapping(members, after))
    return ruling


def undo(store: Store, ruling: str, options: Options, parts: Parts, curator: str) -> Ruling:
    """Take a merge or split back. Raises UsageError where no standing ruling's id begins so."""
    found = [r for r in regroup.standing(store.rulings()) if ruling and r.id.startswith(ruling)]
    if len(found) != 1:
        known = ", ".join(r.id for r in regroup.standing(store.rulings())) or "there is none"
        raise UsageError(f"no single ruling {ruling!r} stands", hint=f"standing rulings: {known}")
    one = found[0]
    fields = {"kind": "undo", "pattern": one.pattern, "undoes": one.id, "curator": curator, "at": options.now}
    taken = Ruling(id=digest("ruling", fields), **fields)  # type: ignore[arg-type]
    _rule(store, taken, options, parts, {}, back=one.pattern)
    return taken


def _ruling(
    kind: Literal["merge", "split"],
    one: Pattern,
    curator: str,
    at: float,
    *,
    into: Signature | None = None,
    part: str = "",
) -> Ruling:
    made = Ruling(
        id="", kind=kind, pattern=one.id, signature=one.signature, into=into, part=part, curator=curator, at=at
    )
    return replace(made, id=digest("ruling", made))


def _rule(store: Store, ruling: Ruling, options: Options, parts: Parts, moved: dict[str, str], back: str = "") -> None:
    """Store a ruling and group the runs that it concerns anew; the next scan analyses them again."""
    from memento_skills.app.analysis import with_lanes

    version, failures = store.moves(VERSION), store.failures()
    concerned = {id_ for known in (ruling.pattern, back) if known for id_ in (known, version.get(known, known))}
    keys = {f.run for f in failures if concerned & {f.signature.id, regroup.original(f.signature)}}
    rulings = [*store.rulings(), ruling]
    forms = [failure.signature for failure in failures]
    with store.write() as tx:
        tx.add_ruling(ruling)
        for run in store.runs(keys):
            found = detect.failures(run, extra=parts.detectors)
            tx.replace_failures(run.key, regroup.regroup(found, rulings, version, forms))
        tx.put_moves(RULING, moved)
        tx.forget_moves(RULING, [back] if back else [])
        _group_again(store, tx, options, with_lanes)


def _group_again(store: Store, tx: Tx, options: Options, with_lanes: Callable[..., tuple[Pattern, ...]]) -> None:
    failures, before = store.failures(), store.patterns()
    patterns = detect.patterns(failures, store.lineages(), now=options.now)
    tx.set_patterns(with_lanes(patterns, failures, store.headers(), before))
    tx.put_note("basis", "")
