"""Loops and no progress: cycles of calls, one error again and again, search after search without an answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from memento_skills.detect.facts import Act, Facts, typed
from memento_skills.detect.silent_build import Seen
from memento_skills.records import digest
from memento_skills.shell import head

PERIOD = 4
"""Longest cycle, in calls."""
ROUNDS = 3
"""Times that a cycle must come round."""
SAME_ERROR = 4
"""Attempts in a row that end with the same error."""
NOTHING = 6
"""Different calls of one tool in a row with the same empty answer."""
SAME_WORDS = 3
"""Times that the agent says the same."""
EMPTY = 200
"""Characters up to which an answer can be an empty one."""

_VARIABLE = re.compile(r"\d+(?:\.\d+)?(?:m?s|µs)?\b|0x[0-9a-fA-F]{1,16}|[0-9a-f]{12,40}")
_NOTHING = re.compile(
    r"(?i)\bno (?:\w+ )?(?:matches|files|results?)\b|\bnot found\b|^\s*\[\s*\]\s*$|\bfound 0\b|\b0 results\b"
)


def cycles(facts: Facts) -> Iterator[Seen]:
    """Up to four calls that came three times in a row with the same answers; a cycle of one is `repeated-calls`."""
    for stretch in _stretches(facts):
        if not _repeats(stretch):
            continue
        acts = [act for act in stretch if not _polls(act, facts)]
        keys = [digest(act.call.tool, act.call.args, act.result.text if act.result else "") for act in acts]
        i = 0
        while i < len(acts):
            period = next((p for p in range(2, PERIOD + 1) if _comes_round(keys, i, p)), 0)
            if not period:
                i += 1
                continue
            end = i + period * ROUNDS - 1
            names = sorted({_name(act) for act in acts[i : i + period]})
            yield Seen(
                finding="cycle", detector="cycles@1", at=_result(facts, acts[end]), quote="", about=", ".join(names),
                tool=acts[end].call.tool, since=acts[i].at,
            )  # fmt: skip
            return


def same_error(facts: Facts) -> Iterator[Seen]:
    """Four or more attempts in a row with the same tool and command that ended with the same error."""
    streaks: dict[tuple[str, str, str], tuple[str, list[Act]]] = {}
    for act in facts.acts:
        verdict = act.check.verdict if act.check is not None else ""
        bad = act.failed or verdict == "failed"
        key = (act.call.agent, act.call.tool, _name(act))
        if act.result is None or (not bad and act.result.status != "ok"):
            continue
        if not bad:
            streaks.pop(key, None)
            continue
        error = _normal(act.said)
        before, acts = streaks.get(key, ("", []))
        if acts and act.call.message and act.call.message == acts[-1].call.message:
            continue  # siblings were decided together: one attempt
        acts = [*acts, act] if error == before else [act]
        streaks[key] = (error, acts)
        if len(acts) == SAME_ERROR:
            yield Seen(
                finding="same-error", detector="same-error@1", at=_result(facts, act), quote=_telling(act.said),
                about=key[2], tool=act.call.tool, since=acts[0].at,
            )  # fmt: skip


def nothing_new(facts: Facts) -> Iterator[Seen]:
    """Six or more different calls in a row of one tool with the same empty answer."""
    for stretch in _stretches(facts):
        row: list[Act] = []
        for act in stretch:
            empty = act.result is not None and act.result.status == "ok" and _is_empty(act.result.text)
            same = bool(row) and empty and act.call.tool == row[0].call.tool
            row = [*row, act] if same else [act] if empty else []
            if len(row) == NOTHING and len({digest(a.call.args) for a in row}) == NOTHING:
                yield Seen(
                    finding="nothing-new", detector="nothing-new@1", at=_result(facts, act), quote="",
                    about="", tool=act.call.tool, since=row[0].at,
                )  # fmt: skip


def same_words(facts: Facts) -> Iterator[Seen]:
    """The agent gives the same answer three times, to whatever was said between."""
    seen: Counter[str] = Counter()
    for at, step in enumerate(facts.run.steps):
        if step.kind != "message" or step.actor != "agent" or step.agent:
            continue
        words = f"{len(step.text) // 50} " + " ".join(_VARIABLE.sub("", step.text[:400]).lower().split())
        if len(words) < 60:
            continue
        seen[words] += 1
        if seen[words] == SAME_WORDS:
            yield Seen(finding="same-words", detector="same-words@1", at=at, quote=step.text[:300])


def _stretches(facts: Facts) -> Iterator[Sequence[Act]]:
    """Calls of one agent between two messages of a person."""
    found: dict[tuple[int, str], list[Act]] = {}
    asked = 0
    acts = {act.at: act for act in facts.acts}
    for at, step in enumerate(facts.run.steps):
        asked += typed(step)
        if at in acts:
            found.setdefault((asked, step.agent), []).append(acts[at])
    yield from found.values()


def _repeats(acts: Sequence[Act]) -> bool:
    """Cheap: whether two different calls or more came as often as a cycle comes round."""
    if len(acts) < 2 * ROUNDS:
        return False
    counts = Counter((act.call.tool, str(act.call.args), act.result.text if act.result else "") for act in acts)
    return sum(n >= ROUNDS for n in counts.values()) >= 2


def _comes_round(keys: Sequence[str], start: int, period: int) -> bool:
    round_ = keys[start : start + period]
    if len(round_) < period or len(set(round_)) < 2:
        return False
    return all(keys[start + period * n : start + period * (n + 1)] == round_ for n in range(1, ROUNDS))


def _polls(act: Act, facts: Facts) -> bool:
    tools = facts.rules.tools
    if act.call.tool in tools.polling:
        return True
    lines = [" ".join(head(command.argv, 3)) for command in act.commands]
    return any(f"{line} ".startswith(f"{words} ") for line in lines for words in tools.polling_commands)


def _name(act: Act) -> str:
    if act.check is not None:
        return act.check.name
    return " ".join(head(act.commands[-1].argv, 2)) if act.commands else ""


def _normal(text: str) -> str:
    """An error without numbers, times and addresses; its first and last 1,000 characters."""
    cut = text if len(text) <= 2000 else text[:1000] + text[-1000:]
    return digest(" ".join(_VARIABLE.sub("", cut).split()))


def _telling(text: str) -> str:
    return next((line for line in text.split("\n") if len(line.strip()) > 12), text[:300])


def _is_empty(text: str) -> bool:
    return len(text) <= EMPTY and (not text.strip() or bool(_NOTHING.search(text)))


def _result(facts: Facts, act: Act) -> int:
    return facts.view.positions[act.result.seq] if act.result is not None else act.at
