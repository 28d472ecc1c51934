"""Claude Code logs (`~/.claude/projects/<project>/<session>.jsonl`) -> one run for each `sessionId`.

In: masked lines. Out: runs whose steps keep the order of the file. Sub-agents' messages, inline (`isSidechain`), in
`agent_progress` rows or in files of their own, are steps with `agent` set. Rows of the client's own bookkeeping are
ignored and counted by type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from memento_skills.ingest import claude_text
from memento_skills.ingest.claude_messages import answer, plain, resume_notice, user
from memento_skills.ingest.claude_rows import Attachment, Row, row_of, trimmed
from memento_skills.ingest.claude_session import Context, Memory, Session
from memento_skills.ingest.loose import NotReadable, objects_in
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.values import seconds_of
from memento_skills.interfaces import Line
from memento_skills.records import Run

GAP = "gap: the rows before this one are not in this run"
_SILENCE = 86_400.0  # seconds; a client that waits that long was nearly always started anew
_ROW_TYPES = frozenset(
    b'"%s"' % kind
    for kind in (
        b"user", b"assistant", b"system", b"progress", b"attachment", b"summary", b"file-history-snapshot",
        b"queue-operation", b"last-prompt", b"permission-mode", b"custom-title", b"ai-title", b"agent-name", b"mode",
        b"pr-link",
    )
)  # fmt: skip
_IDS = ("sessionId", "uuid", "leafUuid", "messageId")
# Of a first row that is longer than what is looked at.
_BEGINS = re.compile(rb'\s*\{"(?:parentUuid|type|sessionId|uuid|isSidechain|data|message|attachment|cwd)"\s*:')


class ClaudeCodeReader(BaseReader):
    """Reader of Claude Code's session logs."""

    name = "claude-code@1"

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source)
        self._sessions: dict[str, Session] = {}
        self._words = claude_text.words()
        self._last = ""
        if carry:
            for memory in msgspec.json.decode(carry, type=list[Memory]):
                session = self._sessions[memory.id] = Session(memory)
                session.changed = False
                self._last = memory.id

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where lines are rows of this client: a known type, and an id of a session or a row."""
        rows = [row for row in objects_in(head) if "type" in row and bytes(row["type"]) in _ROW_TYPES]
        named = sum(any(name in row for name in _IDS) for row in rows)
        if named:
            return 0.95
        long_row = _BEGINS.match(head) and b'"sessionId"' in head and (b'"parentUuid"' in head or b'"uuid"' in head)
        return 0.8 if long_row and b"\n" not in head else 0.0

    @staticmethod
    def trim(lines: Sequence[bytes]) -> bytes:
        """The lines without the client's mirrors of results, file copies and the like."""
        return trimmed(lines)

    def feed(self, lines: Iterable[Line]) -> None:
        """Take the next lines of the file."""
        for line in lines:
            self.seen += 1
            if not line.data.strip():
                self.ignore("(blank)")
                continue
            try:
                row = row_of(line.data)
            except NotReadable as error:
                self.quarantine(line, error.what)
                continue
            if row is None:
                self.ignore("(no object)")
                continue
            self._row(row, line)

    def runs(self) -> Iterator[Run]:
        """The sessions, each with the steps since the last `take`."""
        for session in self._sessions.values():
            yield session.run(reader=self.name, source=self.source)

    def take(self) -> list[Run]:
        """The sessions that got new steps or facts, with only the new steps; they are forgotten here."""
        taken = []
        for session in self._sessions.values():
            if session.steps or session.changed:
                taken.append(session.run(reader=self.name, source=self.source))
            session.steps, session.changed = [], False
        return taken

    def carry(self) -> str:
        """What a later reader needs to go on after the lines fed so far."""
        return msgspec.json.encode([s.carried() for s in self._sessions.values()]).decode()

    def _session(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = Session(Memory(id=session_id))
        self._last = session_id
        return session

    def _row(self, row: Row, line: Line) -> None:
        kind = row.type
        if row.uuid or row.parentUuid:
            self._follow(row, line)
        if kind in ("user", "assistant"):
            self._message_row(row, line)
        elif kind == "progress":
            self._progress_row(row, line)
        elif kind == "system":
            self._system_row(row, line)
        elif kind == "attachment":
            self._attachment_row(row, line)
        else:
            self.ignore(kind or "(no type)")

    def _follow(self, row: Row, line: Line) -> None:
        """Say where rows of the session are missing from the log: what was read there is not known."""
        if not row.sessionId:
            return
        session = self._session(row.sessionId)
        known = session.follows(row.uuid, row.parentUuid or "")
        apart = row.type == "progress" or row.isSidechain or row.agentId or row.uuid in session.seen
        if not known and not apart:
            at = seconds_of(row.timestamp)
            context = Context(f"{row.uuid}:gap", at, line.number, session.memory.entry, "", row.cwd)
            session.add(context, "notice", "system", text=GAP, meta=True)
            session.changed = True

    def _context(self, session: Session, row: Row, line: Line, agent: str) -> Context:
        at = seconds_of(row.timestamp)
        if not agent and _is_resumed(session.memory, row, at):
            self._resume(session, row, line)
        session.notice_facts(row, at, agent)
        session.changed = True
        if len(self._sessions) > 1 and row.parentUuid and row.parentUuid not in session.seen:
            self._link_sessions(session, row.parentUuid)
        return Context(row.uuid, at, line.number, session.memory.entry, agent, row.cwd)

    def _link_sessions(self, session: Session, parent: str) -> None:
        for other in self._sessions.values():
            if other is not session and parent in other.seen:
                session.link(other.memory.id)

    def _agent_of(self, session: Session, row: Row) -> str:
        if row.agentId:
            return row.agentId
        if not row.isSidechain:
            return ""
        memory = session.memory
        agent = memory.agents.get(row.parentUuid or "") or memory.last_agent_call or "sidechain"
        if len(memory.agents) > 512:
            memory.agents = {}
        memory.agents[row.uuid] = agent
        return agent

    def _message_row(self, row: Row, line: Line) -> None:
        message = row.message
        if message is None:
            self.quarantine(line, f"{row.type} row without a readable message")
            return
        session = self._session(row.sessionId or self._last or self.fallback_id)
        if not session.is_new(row.uuid):
            self.ignore("(repeated row)")
            return
        self.understood += 1
        context = self._context(session, row, line, self._agent_of(session, row))
        if row.type == "assistant":
            answer(session, context, message, service_error=bool(row.isApiErrorMessage))
        else:
            client_text = bool(row.isMeta or row.isCompactSummary or row.isVisibleInTranscriptOnly)
            client_text = client_text or bool(row.origin and row.origin.kind not in ("", "human"))
            user(session, context, row, message, client_text=client_text)
        session.memory.entry += 1

    # --------------------------------------------------------------------------- what the client itself says

    def _progress_row(self, row: Row, line: Line) -> None:
        data = row.data
        if data is None or not row.sessionId:
            self.ignore("progress")
            return
        inner = data.message
        if data.type != "agent_progress" or inner is None or inner.message is None:
            if (data.hookName or "") in ("SessionStart:resume", "SessionStart:startup"):
                self._started_again(row, line)
            self.ignore(f"progress/{data.type}")
            return
        session = self._session(row.sessionId)
        uid = inner.uuid or row.uuid
        if not session.is_new(uid):
            self.ignore("(repeated row)")
            return
        self.understood += 1
        context = self._context(session, row, line, data.agentId or row.parentToolUseID or "sidechain")
        context.uid, context.at = uid, seconds_of(inner.timestamp) or context.at
        if inner.type == "assistant":
            answer(session, context, inner.message)
        else:
            user(session, context, inner, inner.message, client_text=True)
        session.memory.entry += 1

    def _started_again(self, row: Row, line: Line) -> None:
        session = self._sessions.get(row.sessionId)
        if session is not None and session.memory.entry and not row.agentId:
            self._resume(session, row, line)

    def _resume(self, session: Session, row: Row, line: Line) -> None:
        at = seconds_of(row.timestamp)
        resume_notice(session, Context(f"{row.uuid}:resume", at, line.number, session.memory.entry, "", row.cwd))

    def _system_row(self, row: Row, line: Line) -> None:
        kind = row.subtype or ""
        if kind not in self._words.notices or not row.sessionId:
            self.ignore(f"system/{kind}")
            return
        session = self._session(row.sessionId)
        if not session.is_new(row.uuid):
            self.ignore("(repeated row)")
            return
        self.understood += 1
        context = self._context(session, row, line, row.agentId or "")
        if kind.endswith("compact_boundary"):
            dropped = row.microcompactMetadata.compactedToolIds if row.microcompactMetadata else []
            args = {"call_ids": dropped} if dropped else {}
            session.add(context, "notice", "system", text=kind, args=args, meta=True)
        elif kind == "api_error":
            text = plain(row.error or row.content)
            session.add(context, "notice", "system", text=text or kind, status="api_error", meta=True)
        else:
            session.add(context, "notice", "system", text=plain(row.content), meta=True)

    def _attachment_row(self, row: Row, line: Line) -> None:
        attachment = row.attachment
        if attachment is None or not row.sessionId:
            self.ignore("attachment")
            return
        kind = attachment.type
        if (attachment.hookName or "") in ("SessionStart:resume", "SessionStart:startup"):
            self._started_again(row, line)
        if kind not in _ATTACHMENTS:
            self.ignore(f"attachment/{kind}")
            return
        session = self._session(row.sessionId)
        if not session.is_new(row.uuid):
            self.ignore("(repeated row)")
            return
        self.understood += 1
        _ATTACHMENTS[kind](self, session, self._context(session, row, line, row.agentId or ""), attachment)

    def _skill_listing(self, session: Session, _: Context, attachment: Attachment) -> None:
        known = session.memory.listed
        for name in claude_text.listed_skills(plain(attachment.content)):
            if name not in known:
                known.append(name)

    def _queued_command(self, session: Session, context: Context, attachment: Attachment) -> None:
        typed = attachment.commandMode == "prompt" and not context.agent
        text = attachment.prompt if isinstance(attachment.prompt, str) else plain(attachment.prompt)
        session.add(context, "message", "user", text=text, meta=not typed)

    def _permissions(self, session: Session, context: Context, attachment: Attachment) -> None:
        if attachment.allowedTools:
            allowed = ", ".join(attachment.allowedTools)
            session.add(context, "permission", "system", text=f"allowed: {allowed}", meta=True)

    def _hook_words(self, session: Session, context: Context, attachment: Attachment) -> None:
        words = attachment.content or attachment.blockingError or attachment.stderr
        session.add(
            context, "notice", "system", text=plain(words), tool=attachment.hookName or "",
            call_id=attachment.toolUseID or "", meta=True,
        )  # fmt: skip

    def _edited_file(self, session: Session, context: Context, attachment: Attachment) -> None:
        args = {"file_path": attachment.filename} if attachment.filename else {}
        session.add(context, "notice", "system", text=attachment.type, args=args, meta=True)


_ATTACHMENTS = {
    "skill_listing": ClaudeCodeReader._skill_listing,  # noqa: SLF001  (the table of its own methods)
    "queued_command": ClaudeCodeReader._queued_command,  # noqa: SLF001
    "command_permissions": ClaudeCodeReader._permissions,  # noqa: SLF001
    "hook_additional_context": ClaudeCodeReader._hook_words,  # noqa: SLF001
    "hook_blocking_error": ClaudeCodeReader._hook_words,  # noqa: SLF001
    "edited_text_file": ClaudeCodeReader._edited_file,  # noqa: SLF001
}


def _is_resumed(memory: Memory, row: Row, at: float | None) -> bool:
    """Whether the row comes from another start of the client than those before: a new version, or a day of silence."""
    if memory.version and row.version and row.version != memory.version:
        return True
    return at is not None and memory.ended is not None and at - memory.ended > _SILENCE
