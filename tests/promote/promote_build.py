"""Small libraries, patches and decisions for the tests of promotion."""

from __future__ import annotations

import subprocess
from pathlib import Path

from memento_skills.promote import FolderJournal, Intent, Job, Undo, disk
from memento_skills.promote.plan import Overlay, To
from memento_skills.records import Citation, Claim, Decision, Patch, Promotion, Scope, SkillRef, Verdict, to_json
from memento_skills.skilldoc import amend, create, diff, parse, revision

SKILL = (
    "---\nname: table-tool\ndescription: Reads tables. Use for CSV.\n---\n\n# Table tool\n\nRead the header first.\n"
)
RULE = "When a CSV has semicolons, pass the delimiter, because the default is a comma."
AT = 1_700_000_000.0


def git(folder: Path, *args: str, check: bool = True) -> str:
    done = subprocess.run(["git", *args], cwd=folder, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


def library(folder: Path, *, repository: bool = True, text: str = SKILL) -> Path:
    """A library of one skill; in a git repository with one commit, or in none."""
    file = folder / "skills" / "table-tool" / "SKILL.md"
    file.parent.mkdir(parents=True)
    file.write_bytes(text.encode())
    if repository:
        git(folder, "init", "--quiet", "-b", "main")
        git(folder, "config", "user.name", "Test Curator")
        git(folder, "config", "user.email", "curator@localhost")
        git(folder, "config", "core.autocrlf", "false")
        (folder / "other.txt").write_text("other\n")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", "start")
    return folder / "skills"


def patch(
    root: Path, *, before: str = SKILL, rule: str = RULE, name: str = "table-tool", scope: Scope | None = None
) -> Patch:
    after = amend(parse(before), rule)
    path = f"{name}/SKILL.md"
    return Patch(
        id=revision(after + rule)[:16],
        pattern="a1b2c3d4e5f6",
        reflection="r1",
        skill=SkillRef(name=name, path=path, revision=revision(before), library=str(root)),
        before=before,
        after=after,
        diff=diff(before, after, path),
        rule=rule,
        rationale=(Claim(text="It failed.", citations=(Citation(run="claude-code:s1", step=4, quote="error"),)),),
        scope=scope or Scope(),
        writer="template@2026-11",
    )


def new_skill(root: Path, name: str = "csv-reader") -> Patch:
    after = create(name, "Reads CSV files. Use when a table is asked for.", "CSV reader", [RULE])
    path = f"{name}/SKILL.md"
    return Patch(
        id=revision(after)[:16],
        kind="create",
        pattern="a1b2c3d4e5f6",
        reflection="r1",
        skill=SkillRef(name=name, path=path, library=str(root)),
        after=after,
        diff=diff("", after, path),
        rule=RULE,
        writer="template@2026-11",
    )


def job(root: Path, state: Path, what: Patch, to: To = "tree", overlay: Overlay | None = None) -> Job:
    verdict = Verdict(id=f"v-{what.id}", patch=what.id, value="better", reason="9 right, 0 wrong")
    decision = Decision(
        id=f"d-{what.id}", patch=what.id, verdict=verdict.id, action="approve", curator="curator", seen="s" * 64
    )
    return Job(
        patch=what,
        verdict=verdict,
        decision=decision,
        seen="s" * 64,
        root=str(root),
        state=str(state),
        to=to,
        overlay=overlay,
        audit_head="f" * 64,
        at=AT,
    )


def undo(promotion: Promotion, root: Path, state: Path, to: To | None = None, reason: str = "it misled") -> Undo:
    return Undo(
        promotion=promotion, reason=reason, curator="curator", root=str(root), state=str(state), to=to, at=AT + 60
    )


class Ledger(FolderJournal):
    """A journal that remembers on disk what it was told to record."""

    def __init__(self, state: Path) -> None:
        self._done = state / "done"
        super().__init__(state / "intents", self._note)

    @property
    def done(self) -> set[str]:
        return {file.stem for file in self._done.glob("*.json")}

    def _note(self, intent: Intent) -> None:
        disk.replace(self._done / f"{intent.id}.json", to_json(intent))
