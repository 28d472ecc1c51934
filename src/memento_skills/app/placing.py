"""From logs and library: where a rule goes, in which language, and with which words the skill is found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from memento_skills.errors import BadInput
from memento_skills.guards import Row, tools
from memento_skills.read.references import references
from memento_skills.read.router import Router, words
from memento_skills.records import Guard, Pattern, Placement, Reflection, Run, Scope
from memento_skills.reflect.handbook import UNTESTED
from memento_skills.reflect.merge import situations_of
from memento_skills.reflect.plain import plain
from memento_skills.reflect.say import OWN, languages, phrases, rule_in
from memento_skills.skilldoc import create
from memento_skills.write import Manner, Target
from memento_skills.write.known import codes_of
from memento_skills.write.language import language_name, language_of
from memento_skills.write.placement import Exposure, new_skill, placement
from memento_skills.write.trigger import Task, addition, descriptions, trigger_words

ROUTING = "adds to the description: for which tasks the skill is loaded changes for everyone who has it"


MOST_TASKS = 200
SLACK = 0.05
"""A longer description must find so much larger a share of the tasks."""


class Logs(NamedTuple):
    """What placing asks of the runs, gathered once for all patterns."""

    headers: Mapping[str, Run]
    tasks: Mapping[str, Task]
    """By run; of the runs that may be learnt from, each with what its person asked for."""
    read: Mapping[str, frozenset[str]]
    """By run, the files below a `skills` folder that it read."""
    names: frozenset[str]
    """Words of users' names, which never enter a description."""


def logs_of(table: Iterable[Row], headers: Mapping[str, Run], *, unseen: frozenset[str] = frozenset()) -> Logs:
    """Gather it from the rows; runs of `unseen` lineages give no task: descriptions are tested on them."""
    read: dict[str, set[str]] = defaultdict(set)
    tasks: dict[str, Task] = {}
    users: set[str] = set()
    for row in table:
        if "/skills/" in row.call.path and tools.role(row.call.step.tool) == "read":
            read[row.run].add(row.call.path)
        users.add(row.user)
        header = headers.get(row.run)
        if row.run not in tasks and row.lineage not in unseen and header is not None and header.task:
            tasks[row.run] = Task(row.lineage, header.task, row.project)
    names = frozenset(word for user in users for word in words(user))
    return Logs(headers, tasks, {run: frozenset(paths) for run, paths in read.items()}, names)


def calls_of(reflections: Iterable[Reflection]) -> tuple[str, ...]:
    """Commands, tools and kinds of files that lessons are about, as plain words, sorted."""
    found: set[str] = set()
    for reflection in reflections:
        found.update(reflection.facts.get("command", "").split(phrases(OWN)["or"]))
        found.update(reflection.facts.get(name, "") for name in ("expect_tool", "tool", "instead"))
        if reflection.guard is not None:
            found.update(_kinds(reflection.guard))
    return tuple(sorted(word for word in found if word and plain(word)))


def _kinds(guard: Guard) -> set[str]:
    conditions = [c for s in situations_of(guard) for c in s if c.feature == "extension" and c.op == "has"]
    return {f"{c.value} files" for c in conditions}


def with_description(target: Target, reflections: Sequence[Reflection], failing: Iterable[str], logs: Logs) -> Target:
    """The target of a new skill with the description by which the router best finds it.

    Of the candidates that are selected for the largest share of the failing tasks beyond their share of the others
    (or nearly so) the shortest. Only tasks of runs that may be learnt from are asked.
    """
    if target.text:
        return target
    runs = set(failing)
    candidates = descriptions(target.description, calls_of(reflections), _words(runs, logs))
    rules = [reflection.facts["rule"] for reflection in reflections]
    found = {text: _found(target, text, rules, runs, logs) for text in candidates}
    enough = max(found.values()) - SLACK
    return target._replace(description=next(text for text in candidates if found[text] >= enough))


def _found(target: Target, text: str, rules: Sequence[str], failing: set[str], logs: Logs) -> float:
    """How much more often a skill of that description is selected for failing tasks than for the others."""
    try:
        whole = create(target.ref.name, text, target.title, list(dict.fromkeys(rules)))
    except BadInput:  # too long a list of rules, or a description that YAML does not keep: not a candidate
        return -1.0
    router = Router([(target.ref, whole)])
    mine = [_chosen(router, task) for task in _some(task for run, task in logs.tasks.items() if run in failing)]
    rest = [_chosen(router, task) for task in _some(task for run, task in logs.tasks.items() if run not in failing)]
    return _share(mine) - _share(rest)


def _some(tasks: Iterable[Task]) -> Sequence[Task]:
    """At most `MOST_TASKS`, evenly from all: a share needs no more, and a year of logs has thousands."""
    every = list(tasks)
    step = -(-len(every) // MOST_TASKS) or 1
    return every[::step]


def _chosen(router: Router, task: Task) -> bool:
    return router.choose(task.text).skill is not None


def _share(found: Sequence[bool]) -> float:
    return sum(found) / len(found) if found else 0.0


def _words(failing: Iterable[str], logs: Logs) -> tuple[str, ...]:
    runs = set(failing)
    mine = [task for run, task in logs.tasks.items() if run in runs]
    lineages = {task.lineage for task in mine}
    rest = [task for task in logs.tasks.values() if task.lineage not in lineages]
    return trigger_words(mine, rest, words, names=logs.names)


def manner_of(
    reflection: Reflection,
    target: Target,
    failing: Sequence[Row],
    logs: Logs,
    patterns: Sequence[Pattern],
    scope: Scope,
) -> Manner:
    """How a lesson is said and placed in its target, and what the curator is told of it."""
    where = _placed(reflection, target, failing, logs)
    notes = [UNTESTED] if reflection.guard is None else []
    rule = _in_language(reflection, target, notes)
    sentence = ""
    if where.tier == "description" and scope.level == "base":
        sentence = addition(calls_of([reflection]), _words((r.run for r in failing), logs))
        notes += [ROUTING] if sentence else []
    if where.tier == "reference" and plain(where.file):
        rule = f"{rule or reflection.facts['rule']} Read `{where.file}` first: it has the details."
    return Manner(rule, where, sentence, tuple(p.id for p in patterns), tuple(notes))


def _in_language(reflection: Reflection, target: Target, notes: list[str]) -> str:
    """The rule in the skill's language, "" for our own; where we have no words for it, the curator is told."""
    language = language_of(target.text) if target.text else ""
    if language in ("", OWN):
        return ""
    if language in languages() and reflection.guard is not None:
        situations = situations_of(reflection.guard)
        rule = rule_in(language, reflection.template, reflection.facts, situations, reflection.guard.expect)
        if rule:
            return rule
    notes.append(
        f"the skill is written in {language_name(language)} and the rule in English: edit it before you approve"
    )
    return ""


def _placed(reflection: Reflection, target: Target, failing: Sequence[Row], logs: Logs) -> Placement:
    runs = sorted({row.run for row in failing})
    if not target.text:
        return new_skill(len(runs), sum(bool(_header(logs, run).skills_listed) for run in runs))
    name = target.ref.name
    at_failure = {row.run for row in failing if _bare(row.skill) == name}
    exposures = [_exposure(run, name, target, run in at_failure, logs) for run in runs]
    return placement(exposures, references(target.ref), frozenset(codes_of(reflection.facts["rule"])))


def _exposure(run: str, name: str, target: Target, at_failure: bool, logs: Logs) -> Exposure:
    header = _header(logs, run)
    listed = {_bare(s) for s in header.skills_listed}
    loaded = at_failure or name in {_bare(s) for s in header.skills_loaded}
    folder = target.ref.path.rpartition("/")[0].rpartition("/")[2]
    read = frozenset(path.split(f"/{folder}/", 1)[1] for path in logs.read.get(run, ()) if f"/{folder}/" in path)
    return Exposure(run, name in listed or loaded, loaded, read, bool(header.skills_listed))


def _header(logs: Logs, run: str) -> Run:
    return logs.headers.get(run) or Run(id=run, client="", reader="")


def _bare(skill: str) -> str:
    """`plugin:skill` -> `skill`."""
    return skill.rsplit(":", 1)[-1]
