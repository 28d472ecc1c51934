"""Spans of traces -> runs: one for each conversation, in order of time, told once.

Tracers repeat: every model call carries the whole history, the agent's span repeats its last answer, a tool has a span
of its own beside the call and the answer in the history. A message is known by who said what and how often before, a
call and its result by the call's id, so each becomes one step whichever span tells it first. The span of a tool is
asked before the history, since it alone knows how the call ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from memento_skills.ingest.building import Building, Ended, Place
from memento_skills.ingest.messages import Part, Said
from memento_skills.ingest.status import status_of_type
from memento_skills.records import Outcome, Run, StepKind, Usage, digest

Kind = Literal["llm", "tool", "agent", "skill", "other"]
_LONG_ID = 16
_CARRIED = 512  # traces that a reader of a grown file is told of
_DEEPEST = 256  # ancestors that are looked at


class Span(msgspec.Struct, kw_only=True):
    """One span, whatever the tracer."""

    id: str
    parent: str = ""
    trace: str = ""
    kind: Kind = "other"
    name: str = ""
    """Of a tool, agent or skill."""
    start: float | None = None
    end: float | None = None
    asked: list[Said] = []
    answered: list[Said] = []
    call_id: str = ""
    args: dict[str, Any] = {}
    text: str = ""
    """Input of a span without messages (`asked`), or the result of a tool."""
    output: str = ""
    """Output of a span without messages."""
    error: bool | None = None
    error_type: str = ""
    error_text: str = ""
    session: str = ""
    user: str = ""
    model: str = ""
    version: str = ""
    project: str = ""
    usage: Usage | None = None
    skills: tuple[str, ...] = ()
    outcomes: list[Outcome] = []
    line: int = 0

    @property
    def bare(self) -> bool:
        """Whether it only stands between others: nothing of an agent in it."""
        told = self.asked or self.answered or self.outcomes or self.error or (not self.parent and self.text)
        return self.kind == "other" and not told


class _Known(NamedTuple):
    """What later spans need to know of an earlier one."""

    parent: str
    kind: Kind
    name: str
    session: str


class _Session:
    def __init__(self, name: str) -> None:
        self.name = name
        self.building = Building()
        self.entries = 0
        self.facts: dict[str, str] = {}
        self.listed: dict[str, None] = {}
        self.outcomes: list[Outcome] = []
        self.crashed = ""
        self.changed = False


class Weaver:
    """Puts spans together; one for each file."""

    def __init__(self, client: str, reader: str, source: str, carry: str = "") -> None:
        self._client, self._reader, self._source = client, reader, source
        # trace -> its conversation, or itself
        self._kept: dict[str, str] = msgspec.json.decode(carry, type=dict[str, str]) if carry else {}
        self._pending: list[Span] = []
        self._known: dict[str, _Known] = {}
        self._sessions: dict[str, _Session] = {}

    def add(self, span: Span) -> None:
        """Take a span, in any order."""
        self._pending.append(span)

    def runs(self, *, let_go: bool) -> Iterator[Run]:
        """The runs with the steps since they were last let go."""
        self._settle()
        for session in self._sessions.values():
            if session.changed or session.building.made:
                run = self._run(session)
                building = session.building
                yield building.taken(run) if let_go else building.finish(run)
                session.changed = session.changed and not let_go

    # --------------------------------------------------------------------------------------- conversations

    def _settle(self) -> None:
        spans, self._pending = self._pending, []
        for span in spans:
            self._known[span.id] = _Known(span.parent, span.kind, span.name, span.session)
        named = {span.trace: span.session for span in reversed(spans) if span.session}
        for span in spans:
            self._kept.setdefault(span.trace, named.get(span.trace, span.trace))
        grouped: dict[str, list[Span]] = {}
        for span in spans:
            grouped.setdefault(self._session_of(span), []).append(span)
        for name, own in grouped.items():
            if name in self._sessions or not all(span.bare for span in own):
                self._weave(self._sessions.setdefault(name, _Session(name)), own)

    def carry(self) -> str:
        """Which of the latest traces went where, for a reader that goes on in a grown file."""
        return msgspec.json.encode(dict(list(self._kept.items())[-_CARRIED:])).decode()

    def _session_of(self, span: Span) -> str:
        """The conversation that a span is of: its own, that of a span around it, or its trace's.

        Read in parts, a trace may name its conversation too late: then it stays where its first part went.
        """
        kept = self._kept[span.trace]
        if kept == span.trace != "":
            return kept
        above = next((known.session for known in self._above(span) if known.session), "")
        return span.session or above or kept or "unnamed"

    def _above(self, span: Span) -> Iterator[_Known]:
        """The spans around a span, from the nearest on."""
        name = span.parent
        for _ in range(_DEEPEST):
            known = self._known.get(name)
            if known is None:
                return
            yield known
            name = known.parent

    def _agent_of(self, span: Span) -> str:
        """ "" for the main agent. What runs within a tool's span, or in another agent's, is a sub-agent's."""
        agents: list[str] = [span.name] if span.kind == "agent" else []
        for known in self._above(span):
            if known.kind == "tool":
                return (agents[0] if agents else "") or known.name or "sub-agent"
            if known.kind == "agent":
                agents.append(known.name)
        return agents[0] if len(agents) > 1 and agents[0] != agents[-1] else ""

    # ----------------------------------------------------------------------------------------------- steps

    def _weave(self, session: _Session, spans: list[Span]) -> None:
        spans = [span for span in spans if not span.bare]
        if not spans:
            return
        session.changed = True
        spoken = any(span.kind == "llm" and (span.asked or span.answered) for span in spans)
        for span in spans:
            if spoken and span.kind != "llm":
                span.asked, span.answered = [], []  # what the models' own calls tell, an agent only repeats
        told: set[str] = {one.role for span in spans for one in (*span.asked, *span.answered)}
        failed = {span.parent for span in spans if span.error}
        moments: list[tuple[float, int, int, Span]] = []
        last = float("-inf")
        for index, span in enumerate(spans):
            last = start = span.start if span.start is not None else last
            around = span.end is None and not span.parent and span.kind in ("agent", "other")
            end = float("inf") if around else max(span.end, start) if span.end is not None else start
            moments += [(start, index, 0, span), (end, index, 1, span)]
        moments.sort(key=lambda moment: moment[:3])
        entries = {id(span): session.entries + n for n, span in enumerate(spans)}
        session.entries += len(spans)
        for _, _, ends, span in moments:
            at = span.end if ends and span.end is not None else span.start
            place = Place(entries[id(span)], span.line, at, self._agent_of(span), span.id, span.model)
            if ends:
                self._end(session, span, place, told)
                self._failed(session, span, place, deepest=span.id not in failed)
            else:
                _facts(session, span)
                self._begin(session, span, place, told)

    def _begin(self, session: _Session, span: Span, place: Place, told: set[str]) -> None:
        if span.kind == "tool":
            self._tool_call(session, span, place)
        elif span.kind == "skill":
            session.building.load(span.name)
            session.building.add("skill", "agent", place, tool=span.name, uid=_uid(session, "skill", span.id))
        elif span.asked:
            _tell(session, place, span.asked, Counter(), None)
        elif span.text and "user" not in told and not span.parent and not place.agent:
            session.building.user(place, span.text, uid=_uid(session, "user", span.text))

    def _end(self, session: _Session, span: Span, place: Place, told: set[str]) -> None:
        if span.kind == "tool":
            self._tool_result(session, span, place)
        elif span.answered:
            _tell(session, place, span.answered, _counted(span.asked), span.usage)
        elif span.output and "agent" not in told and not span.parent and not place.agent:
            session.building.add("message", "agent", place, text=span.output, uid=_uid(session, "agent", span.output))

    def _tool_call(self, session: _Session, span: Span, place: Place) -> None:
        building = session.building
        span.call_id = building.claim(span.name, span.call_id)
        if not (span.call_id and building.knows(span.call_id)):
            span.call_id = span.call_id or span.id
            above = place._replace(message="")  # which answer it came from is not told
            building.call(above, span.name, span.args, span.call_id, uid=_uid(session, "call", span.call_id))
            building.claim(span.name, span.call_id)

    def _tool_result(self, session: _Session, span: Span, place: Place) -> None:
        text = span.text or (span.error_text if span.error else "")
        status = status_of_type(span.error_type) if span.error else None
        ended = Ended(error=span.error, status=status)
        uid = _uid(session, "result", span.call_id)
        session.building.result(place, text, span.call_id, ended, tool=span.name, uid=uid)

    def _failed(self, session: _Session, span: Span, place: Place, *, deepest: bool) -> None:
        """A model call that failed, or an agent that ended in an exception."""
        if not span.error or span.kind == "tool":
            return
        text = ": ".join(filter(None, (span.error_type, span.error_text))) or "failed"
        if span.kind == "llm":
            uid = _uid(session, "error", span.id)
            session.building.add("notice", "system", place, text=text, status="api_error", meta=True, uid=uid)
        elif deepest:
            session.building.add("notice", "system", place, text=text, meta=True, uid=_uid(session, "error", span.id))
        if not span.parent:
            session.crashed = text[:300]

    # ------------------------------------------------------------------------------------------------- run

    def _run(self, session: _Session) -> Run:
        calls = [step.call_id for step in session.building.made if step.kind == "call"]
        return Run(
            id=session.name,
            client=self._client,
            reader=self._reader,
            client_version=session.facts.get("version", ""),
            model=session.facts.get("model", ""),
            user=session.facts.get("user", ""),
            project=session.facts.get("project", ""),
            skills_listed=tuple(session.listed),
            shared_ids=all(len(call) >= _LONG_ID for call in calls),
            outcome=_outcome(session),
            sources=(self._source,),
        )


def _facts(session: _Session, span: Span) -> None:
    for name in ("user", "model", "version", "project"):
        if getattr(span, name):
            session.facts.setdefault(name, getattr(span, name))
    session.listed.update(dict.fromkeys(span.skills))
    session.outcomes += span.outcomes


def _outcome(session: _Session) -> Outcome:
    """The worst of the scores; without one, a crash of the whole is a failure."""
    for label in ("failure", "success", "unknown"):
        found = next((one for one in session.outcomes if one.label == label), None)
        if found is not None:
            return found
    return Outcome(label="failure", reason=session.crashed) if session.crashed else Outcome()


def _tell(session: _Session, place: Place, said: list[Said], before: Counter[str], usage: Usage | None) -> None:
    """Make steps of messages, each once: the same words count as said again only where one history has them twice."""
    building = session.building
    for one in said:
        for part in one.parts:
            mark = _mark(one, part)
            uid = _uid(session, place.agent, mark, before[mark])
            before[mark] += 1
            made = _part(building, place, one, part, uid, session, usage)
            usage = None if made else usage


def _part(
    building: Building, place: Place, one: Said, part: Part, uid: str, session: _Session, usage: Usage | None
) -> bool:
    if part.kind == "call":
        if part.call_id and building.knows(part.call_id):
            return False
        uid = _uid(session, "call", part.call_id) if part.call_id else uid
        building.call(place, part.tool, part.args, part.call_id or uid, uid=uid, usage=usage)
        return True
    if part.kind == "result":
        call_id = part.call_id or building.waiting(part.tool)
        if not call_id and building.called(part.tool):
            return False  # a repetition of what the tool's own span told
        uid = _uid(session, "result", call_id) if call_id else uid
        return building.result(place, part.text, call_id, Ended(error=part.error), tool=part.tool, uid=uid)
    return bool(part.text) and _words(building, place, one, part, uid, usage)


def _words(building: Building, place: Place, one: Said, part: Part, uid: str, usage: Usage | None) -> bool:
    if one.role == "agent" or part.kind == "reasoning":
        kind: StepKind = "reasoning" if part.kind == "reasoning" else "message"
        return building.add(kind, "agent", place, text=part.text, uid=uid, usage=usage)
    if one.role == "user":
        return building.user(place, part.text, uid=uid)
    return building.system(place, part.text, uid=uid)


def _counted(said: list[Said]) -> Counter[str]:
    return Counter(_mark(one, part) for one in said for part in one.parts)


def _mark(one: Said, part: Part) -> str:
    return digest(one.role, part.kind, part.text, part.tool, part.args if part.kind == "call" else None, part.call_id)


def _uid(session: _Session, *parts: object) -> str:
    return digest(session.name, *parts)
