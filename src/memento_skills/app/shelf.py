"""The skills that a patch may go to, and which of them is the right one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from memento_skills.app.options import Options
from memento_skills.errors import BadInput
from memento_skills.read.library import Library
from memento_skills.read.locate import library_for, new_library_for
from memento_skills.read.router import Router
from memento_skills.records import Failure, Reflection, Run, SkillRef

if TYPE_CHECKING:
    from memento_skills.write import Target


class Shelf(NamedTuple):
    """The skills a patch may go to: libraries in the order in which they win, with each skill's text."""

    skills: tuple[tuple[SkillRef, str], ...]
    home: str
    """Library for new skills."""

    def named(self, name: str) -> tuple[SkillRef, str] | None:
        """The skill of that name that wins."""
        return next((s for s in self.skills if s[0].name == name), None)


def shelf_of(options: Options, headers: Sequence[Run]) -> Shelf:
    """The libraries of `--skills`, else those of the logs' clients and projects on this machine."""
    home = Path(options.home)
    newest = sorted(headers, key=lambda r: -(r.started_at or 0.0))
    if options.skills:
        roots = [Path(p) for p in options.skills]
    else:
        places = dict.fromkeys((r.client, r.cwd) for r in newest if r.cwd)
        roots = list(dict.fromkeys(p for client, cwd in places for p in library_for(client, cwd, home)))
    found: list[tuple[SkillRef, str]] = []
    for root in roots:
        library = Library(root)
        for ref in library.skills():
            try:
                found.append((ref, library.text(ref)))
            except BadInput:  # said by `memento skills lint`; a skill that cannot be read is never written to
                continue
    if roots:
        return Shelf(tuple(found), str(roots[0]))
    first = newest[0] if newest else None
    place = new_library_for(first.client, first.cwd, home) if first is not None else home / ".claude" / "skills"
    return Shelf(tuple(found), str(place))


def target_of(reflection: Reflection, failures: Sequence[Failure], shelf: Shelf, tasks: Sequence[str]) -> Target:
    """The right skill: the one loaded when it happened, else the one that fits the tasks, else a new one."""
    from memento_skills.write import Target, skill_name

    loaded: dict[str, int] = defaultdict(int)
    for failure in failures:
        loaded[failure.skill] += 1
    for name, count in sorted(loaded.items(), key=lambda kv: (-kv[1], kv[0])):
        if name and count * 2 >= len(failures) and (skill := shelf.named(name.rsplit(":", 1)[-1])):
            return Target(*skill)
    topic = reflection.facts["topic"]
    name = skill_name(topic)
    if skill := shelf.named(name):
        return Target(*skill)
    routed: dict[str, int] = defaultdict(int)
    router = Router(shelf.skills)
    for task in tasks:
        choice = router.choose(task)
        if choice.skill is not None:
            routed[choice.skill.name] += 1
    best = max(routed.items(), key=lambda kv: kv[1], default=("", 0))
    if best[1] * 2 > len(tasks) and (skill := shelf.named(best[0])):
        return Target(*skill)
    words = _words(topic, reflection)
    ref = SkillRef(name=name, path=f"{name}/SKILL.md", library=shelf.home)
    facts = {"project": "this project", "programs": "them"} | reflection.facts
    return Target(ref, "", words["title"].format_map(facts), words["description"].format_map(facts))


def _words(topic: str, reflection: Reflection) -> dict[str, str]:
    """Title and description of a topic; one that carries the project's name goes by its general form."""
    from memento_skills.reflect import TOPICS

    return TOPICS.get(topic) or TOPICS[topic.replace(reflection.facts.get("project", ""), "{project}", 1)]
