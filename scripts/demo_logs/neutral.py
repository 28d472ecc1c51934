"""Makes a recorded log fit to be bundled: own rows only, neutral paths, stable ids, times spread over weeks."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from record import NAMESPACE, Recording, rows_of

KEPT_ATTACHMENTS = ("command_permissions", "skill_listing")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
AGENT_ID = re.compile(r"\ba[0-9a-f]{16}\b")
AGENT_HINT = re.compile(r" \(use SendMessage .*?\)", re.DOTALL)


def parse_time(text: str) -> datetime:
    """A row's time."""
    return datetime.fromisoformat(text)


class Bundler:
    """Turns recordings into the bundle's files and counts what it cut out."""

    def __init__(self, scratch: Path, own_skills: frozenset[str]) -> None:
        self.homes = str(scratch / "home")
        self.own_skills = own_skills
        self.cut: Counter[str] = Counter()

    def files(self, recording: Recording) -> dict[str, str]:
        """Relative path -> text of the log, of its sub-agents' logs and of their `.meta.json`.

        The logs of all users' clones of a project are collected in one folder, named after the project.
        """
        logs = {path: self._own_rows(path) for path in (recording.log, *recording.agents)}
        times = self._times(recording, [row for rows in logs.values() for row in rows])
        folder, project = recording.log.parent, Path(recording.session.project)
        texts: dict[str, str] = {}
        for path, rows in logs.items():
            for row in rows:
                if "timestamp" in row:
                    row["timestamp"] = times[row["timestamp"]]
            lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
            texts[str(project / path.relative_to(folder))] = "".join(f"{line}\n" for line in lines)
            meta = path.with_suffix(".meta.json")
            if meta.exists():
                texts[str(project / meta.relative_to(folder))] = meta.read_text(encoding="utf-8") + "\n"
        return self._stable(recording, {name: self._neutral(text) for name, text in texts.items()})

    def _own_rows(self, path: Path) -> list[dict]:
        """The rows without the client's own texts; children of a cut row hang on its parent."""
        kept: list[dict] = []
        parents: dict[str, str | None] = {}
        for row in rows_of(path):
            if "parentUuid" in row:
                row["parentUuid"] = parents.get(row["parentUuid"], row["parentUuid"])
            kind = row.get("attachment", {}).get("type")
            if kind is not None and kind not in KEPT_ATTACHMENTS:
                self.cut[f"attachment {kind}"] += 1
                parents[row["uuid"]] = row["parentUuid"]
                continue
            if kind == "skill_listing":
                self._own_listing(row["attachment"])
                if not row["attachment"]["names"]:
                    self.cut["attachment skill_listing without a skill of ours"] += 1
                    parents[row["uuid"]] = row["parentUuid"]
                    continue
            self._cut_hints(row)
            kept.append(row)
        return kept

    def _own_listing(self, listing: dict) -> None:
        """Only the lines about the demo project's own skills."""
        lines = [line for line in listing["content"].splitlines() if line[2:].split(":")[0] in self.own_skills]
        names = [name for name in listing["names"] if name in self.own_skills]
        self.cut["skills of the client in skill_listing"] += len(listing["names"]) - len(names)
        listing.update(content="\n".join(lines), names=names, skillCount=len(names))

    def _cut_hints(self, row: dict) -> None:
        """The client's advice to the model inside a sub-agent's result."""
        content = row.get("message", {}).get("content")
        for block in content if isinstance(content, list) else []:
            if block["type"] == "tool_result" and isinstance(block["content"], list):
                for part in block["content"]:
                    if AGENT_HINT.search(part.get("text", "")):
                        part["text"] = AGENT_HINT.sub("", part["text"])
                        self.cut["advice to the model in a sub-agent's result"] += 1

    def _times(self, recording: Recording, rows: list[dict]) -> dict[str, str]:
        """Recorded time -> bundled time: same order, from the scripted start on, with a model's and a user's pace."""
        pace = random.Random(recording.session.slug)
        users = {row["timestamp"] for row in rows if row["type"] == "queue-operation" and row["operation"] == "enqueue"}
        answers: dict[str, str] = {}
        for row in rows:
            if row["type"] == "assistant":
                answers.setdefault(row["message"]["id"], row["timestamp"])
        thinking = set(answers.values())
        now = datetime.fromisoformat(recording.session.start).replace(tzinfo=UTC)
        now += timedelta(seconds=pace.randrange(60), milliseconds=pace.randrange(1000))
        times: dict[str, str] = {}
        before: datetime | None = None
        for text in sorted({row["timestamp"] for row in rows if "timestamp" in row}):
            real = parse_time(text)
            if before is not None:
                now += real - before
                if text in users:
                    now += timedelta(seconds=pace.uniform(40, 240))
                elif text in thinking:
                    now += timedelta(seconds=pace.uniform(2.5, 11))
            before = real
            times[text] = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return times

    def _neutral(self, text: str) -> str:
        mangled = re.sub(r"[^A-Za-z0-9]", "-", self.homes)
        return text.replace(self.homes, "/home").replace(mangled, "-home")

    def _stable(self, recording: Recording, files: dict[str, str]) -> dict[str, str]:
        """The files with ids that are the same at each recording: in order of appearance, the session's id as it is."""
        slug, known = recording.session.slug, {recording.session_id: recording.session_id}

        def stable_uuid(found: re.Match[str]) -> str:
            return known.setdefault(found[0], str(uuid.uuid5(NAMESPACE, f"{slug}/{len(known)}")))

        def stable_agent(found: re.Match[str]) -> str:
            return known.setdefault(found[0], f"a{uuid.uuid5(NAMESPACE, f'{slug}/{len(known)}').hex[:16]}")

        def both(text: str) -> str:
            return AGENT_ID.sub(stable_agent, UUID.sub(stable_uuid, text))

        return {both(name): both(text) for name, text in files.items()}
