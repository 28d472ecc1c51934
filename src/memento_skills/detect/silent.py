"""Silent failures: what no result's status tells. Each detector is a small function over `facts.Facts`."""

from __future__ import annotations

from collections.abc import Iterable

from memento_skills.detect import loops, risk, silent_actions, silent_checks, silent_edits, silent_results, silent_words
from memento_skills.detect.facts import Facts
from memento_skills.detect.rules import Rules
from memento_skills.detect.rules import load as load_rules
from memento_skills.detect.silent_build import Look, failure
from memento_skills.detect.silent_rules import Silent, load
from memento_skills.records import Failure, Run

LOOKS: tuple[Look, ...] = (
    silent_checks.hidden,
    silent_checks.claims,
    silent_checks.fixed_while_failing,
    silent_checks.contradicted,
    silent_checks.left_failing,
    silent_checks.ended_on_error,
    silent_results.bad_news,
    silent_results.numbers,
    silent_words.gave_up,
    silent_words.dropped,
    silent_edits.thrown_away,
    silent_edits.there_and_back,
    silent_actions.unconfirmed,
    loops.cycles,
    loops.same_error,
    loops.nothing_new,
    loops.same_words,
    risk.doubtful,
)


class SilentFailures:
    """All silent detectors over one run; the findings carry the versioned name of the one that saw them."""

    name: str = "silent@1"

    def __init__(self, rules: Rules | None = None, silent: Silent | None = None) -> None:
        self.rules = rules or load_rules()
        self.silent = silent or load()

    def detect(self, run: Run) -> Iterable[Failure]:
        """All silent failures by step, each kind once a step."""
        if not run.steps:
            return ()
        facts = Facts(run=run, rules=self.rules, silent=self.silent)
        found: dict[str, Failure] = {}
        for look in LOOKS:
            for seen in look(facts):
                one = failure(facts, seen)
                found.setdefault(one.id, one)
        return tuple(sorted(found.values(), key=lambda one: (one.step, one.id)))
