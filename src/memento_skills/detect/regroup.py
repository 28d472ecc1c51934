"""What people ruled about the grouping, applied to failures; and where the patterns of an earlier version went."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from memento_skills.errors import UsageError
from memento_skills.records import Failure, Part, Ruling, Signature

RARE = 0.01
"""Share of a pattern's failures up to which a form of one tenant is kept apart."""
WAS = "was"
"""Name of the part that keeps the id which a failure had before a ruling."""


def standing(rulings: Iterable[Ruling]) -> tuple[Ruling, ...]:
    """Merges and splits that nobody took back, in order."""
    known = tuple(rulings)
    undone = {ruling.undoes for ruling in known if ruling.kind == "undo"}
    return tuple(ruling for ruling in known if ruling.kind != "undo" and ruling.id not in undone)


def regroup(
    failures: Iterable[Failure],
    rulings: Iterable[Ruling],
    moved: Mapping[str, str] | None = None,
    signatures: Iterable[Signature] = (),
) -> tuple[Failure, ...]:
    """The failures with the signatures that the standing rulings give them, one after the other.

    `moved` leads ids of earlier signature versions to those of this one (`mapping`), so that a ruling outlives them;
    `signatures`: of patterns that are known besides those of `failures`.
    """
    known, ruled, moves = tuple(failures), standing(rulings), moved or {}
    if not ruled:
        return known
    forms = {signature.id: signature for signature in (*signatures, *(failure.signature for failure in known))}
    forms |= {r.into.id: r.into for r in ruled if r.into is not None and r.into.id not in forms}
    for ruling in ruled:
        known = _merged(known, ruling, moves, forms) if ruling.kind == "merge" else _split(known, ruling, moves)
    return known


def original(signature: Signature) -> str:
    """The id that the text alone gives, whatever was ruled about it."""
    return next((part.text for part in signature.parts if part.name == WAS), signature.id)


def mapping(
    before: Iterable[Failure], after: Iterable[Failure], of: Callable[[Signature], str] = lambda s: s.id
) -> dict[str, str]:
    """From the ids of `before` to those of `after`, by the failures that both have: where most of a pattern went.

    `of`: which id of a signature of `before` is meant, such as `original`.
    """
    now = {(failure.run, failure.id): failure.signature.id for failure in after}
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for failure in before:
        new = now.get((failure.run, failure.id))
        if new is not None:
            votes[of(failure.signature)][new] += 1
    return {old: max(sorted(found), key=lambda new: found[new]) for old, found in votes.items()}


def splittable(signatures: Sequence[Signature]) -> dict[str, int]:
    """Parts by which a pattern with these signatures can be split, with the number of patterns that gives."""
    values: dict[str, set[str]] = defaultdict(set)
    for signature in signatures:
        for part in signature.parts:
            if not part.contributes and part.name != WAS:
                values[part.name].add(part.text)
    return {name: len(found) for name, found in sorted(values.items()) if len(found) > 1}


def of_one_tenant(failures: Iterable[Failure]) -> tuple[tuple[str, str], ...]:
    """Rare forms that one tenant alone has, as (pattern, form): they must not be swallowed by what others mean by it.

    A form is the masked line (the part `said`) of an error that is grouped by its name. It is rare where it is at most
    `RARE` of its pattern's failures; of one tenant, where no other tenant has it, that tenant has no other form in
    the pattern, and several of its lineages show it. Failures without a tenant count as one tenant more.
    """
    forms: dict[str, dict[str, list[Failure]]] = defaultdict(lambda: defaultdict(list))
    for failure in failures:
        said = next((p.text for p in failure.signature.parts if p.name == "said" and not p.contributes), "")
        if said:
            forms[failure.signature.id][said].append(failure)
    return tuple(
        (pattern, said) for pattern, found in sorted(forms.items()) for said in sorted(found) if _is_rare(found, said)
    )


def _is_rare(forms: Mapping[str, Sequence[Failure]], said: str) -> bool:
    own, tenants = forms[said], {failure.tenant for failure in forms[said]}
    others = [failure for form, found in forms.items() if form != said for failure in found]
    return (
        len(tenants) == 1
        and "" not in tenants
        and not any(failure.tenant in tenants for failure in others)
        and len({failure.lineage or failure.run for failure in own}) >= 2
        and len(own) <= RARE * (len(own) + len(others))
    )


def by_part(signature: Signature, name: str) -> Signature:
    """The signature with one more part that counts. Raises UsageError where it has no such part."""
    if not any(part.name == name for part in signature.parts):
        raise UsageError(f"no part {name!r} in it", where=signature.id, hint="memento patterns ID shows them")
    parts = tuple(replace(p, contributes=True, hint="") if p.name == name else p for p in signature.parts)
    return replace(signature, parts=parts)


def _merged(
    known: tuple[Failure, ...], ruling: Ruling, moved: Mapping[str, str], forms: Mapping[str, Signature]
) -> tuple[Failure, ...]:
    if ruling.signature is None or ruling.into is None:
        return known
    goes, into = moved.get(ruling.signature.id, ruling.signature.id), moved.get(ruling.into.id, ruling.into.id)
    form = forms.get(into)
    if form is None or goes == into:
        return known
    return tuple(_with(f, form, f"merged by {ruling.curator}") if f.signature.id == goes else f for f in known)


def _split(known: tuple[Failure, ...], ruling: Ruling, moved: Mapping[str, str]) -> tuple[Failure, ...]:
    if ruling.signature is None:
        return known
    target = moved.get(ruling.signature.id, ruling.signature.id)
    return tuple(
        _with(f, by_part(f.signature, ruling.part), f"split by {ruling.curator}")
        if f.signature.id == target and _divided(f.signature, ruling)
        else f
        for f in known
    )


def _divided(signature: Signature, ruling: Ruling) -> bool:
    text = next((part.text for part in signature.parts if part.name == ruling.part), None)
    return text is not None and ruling.value in ("", text)


def _with(failure: Failure, signature: Signature, hint: str) -> Failure:
    """The failure under another signature, which keeps the id that it had."""
    was = Part(name=WAS, text=original(failure.signature), contributes=False, hint=hint)
    parts = (*(part for part in signature.parts if part.name != WAS), was)
    return replace(failure, signature=replace(signature, parts=parts))
