"""The messages of a Gemini CLI session -> steps: of each record only what no earlier record of its message gave."""

from __future__ import annotations

import msgspec

from memento_skills.ingest import gemini_results
from memento_skills.ingest.gemini_rows import Record, Thought, Tokens, ToolCall
from memento_skills.ingest.session import Context, Memory, Session, tokens_of
from memento_skills.ingest.values import arguments_of, seconds_of, text_of

_ADDED = "--- Content from referenced files ---"
_STOPPED = "Request cancelled."
_NEAR = 3  # steps within which a refused call makes a person's stop a repetition
_REMEMBERED = 2048
_RECENT = 500  # steps among which the beginning of a message is looked for


class Known(msgspec.Struct, array_like=True):
    """What of a message became steps already."""

    text: bool = False
    thoughts: int = 0
    tokens: bool = False
    calls: dict[str, bool] = {}
    """Call id -> whether its result is known."""


class GeminiMemory(Memory, msgspec.Struct, omit_defaults=True):
    """What has to be remembered of a Gemini session."""

    messages: dict[str, Known] = {}
    refused: int = -_NEAR - 1
    """`seq` of the last call that a person refused."""


_Session = Session[GeminiMemory]


def remember(messages: dict[str, Known], name: str) -> Known:
    """Begin to remember a message; the oldest is let go where there are too many."""
    if len(messages) >= _REMEMBERED:
        del messages[next(iter(messages))]
    known = messages[name] = Known()
    return known


def parts_of(known: Known) -> int:
    """How many steps a message gave already: the number of the next, so that no two have one id."""
    return 2 * known.text + known.thoughts + len(known.calls) + 2 * sum(known.calls.values())


def notice(session: _Session, context: Context, record: Record, known: Known) -> None:
    """A row of the client: a stop by a person, an error of the service, or anything else it says."""
    text = text_of(record.content)
    if known.text or not text:
        return
    known.text = True
    memory = session.memory
    if text.strip() == _STOPPED:
        repeated = memory.seq - memory.refused <= _NEAR
        session.notice(context, text, actor="user", status=None if repeated else "interrupted")
        return
    service = record.type == "error" and gemini_results.is_service(text)
    session.notice(context, text, status="api_error" if service else None)


def user(session: _Session, context: Context, record: Record, known: Known) -> None:
    """What a person typed, and apart from it the files that the client added."""
    if known.text:
        return
    known.text = True
    parts = [p for p in record.content if not _is_answer(p)] if isinstance(record.content, list) else record.content
    text = text_of(parts)
    if not text:
        return
    typed, mark, added = text.partition(_ADDED)
    shown = text_of(record.displayContent) or typed.rstrip("\n")
    if shown:
        session.add(context, "message", "user", text=shown)
        session.ask(shown)
    if mark:
        session.add(context, "message", "user", text=mark + added, meta=True)


def _is_answer(part: object) -> bool:
    """The result of a call among the parts of a user's message: it stands with its call as well."""
    return isinstance(part, dict) and "functionResponse" in part


def answer(session: _Session, context: Context, record: Record, known: Known) -> None:
    """Thoughts, words, calls and results of a model answer, as far as they are new."""
    memory = session.memory
    memory.model = memory.model or context.model
    session.first = len(session.steps)
    for thought in (record.thoughts or ())[known.thoughts :]:
        session.add(context, "reasoning", "agent", text=_thought(thought))
    known.thoughts = max(known.thoughts, len(record.thoughts or ()))
    text = text_of(record.content)
    if text and not known.text:
        known.text = True
        session.add(context, "message", "agent", text=text)
    calls = record.toolCalls or []
    for number, call in enumerate(calls):
        call.id = call.id or f"{record.id}.{number}"
        if call.id not in known.calls:
            known.calls[call.id] = False
            session.call(context, call.name, arguments_of(call.args), call.id)
    for call in calls:
        _result(session, context, call, known)
    if record.tokens is not None and not known.tokens:
        known.tokens = True
        _count(session, record.tokens, context.message)
    session.first = None


def _thought(thought: Thought) -> str:
    return f"{thought.subject}\n{thought.description}".strip()


def _count(session: _Session, tokens: Tokens, message: str) -> None:
    """Count the tokens of a message on its first step, which may have come with an earlier record of it."""
    steps = session.steps
    first = session.first
    if first is None or first >= len(steps):
        recent = range(max(len(steps) - _RECENT, 0), len(steps))
        session.first = next((index for index in recent if steps[index].message == message), None)
    session.count(tokens_of(tokens.input, tokens.cached, max(tokens.output or 0, 0) + max(tokens.thoughts or 0, 0)))


def _result(session: _Session, context: Context, call: ToolCall, known: Known) -> None:
    name = call.id or ""
    result = gemini_results.result_of(call)
    if result is None or known.calls.get(name):
        return
    known.calls[name] = True
    session.link(call.agentId or "")
    at = seconds_of(call.timestamp)
    place = msgspec.structs.replace(context, at=at if at is not None else context.at)
    session.add(
        place, "result", "tool", text=result.text, tool=session.memory.tools.pop(name, "") or call.name, call_id=name,
        status=result.status, exit_code=result.exit_code,
    )  # fmt: skip
    context.parts = place.parts
    if result.status == "denied_user":
        session.memory.refused = session.memory.seq
        _one_refusal(session)
        session.add(context, "permission", "user", tool=call.name, call_id=name, status="denied_user")


def _one_refusal(session: _Session) -> None:
    """A person's stop is written before the call that it cancelled: the call alone stands for both."""
    steps = session.steps
    for index in range(max(len(steps) - 2 * _NEAR, 0), len(steps)):
        if steps[index].kind == "notice" and steps[index].text.strip() == _STOPPED:
            steps[index] = msgspec.structs.replace(steps[index], status=None)
