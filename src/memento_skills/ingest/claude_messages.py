"""The messages of a Claude Code session -> steps: what the model answers, what a person or a tool says."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from memento_skills.ingest import claude_text
from memento_skills.ingest.claude_rows import Block, Message, Row, SubRow
from memento_skills.ingest.claude_session import Context, Session
from memento_skills.ingest.status import classify
from memento_skills.ingest.values import arguments_of, json_text


def answer(session: Session, context: Context, message: Message, *, service_error: bool = False) -> None:
    """Steps of one row of a model answer; usage only where it was not counted yet."""
    memory = session.memory
    context.message = message.id or ""
    model = message.model or ""
    if model == "<synthetic>" or service_error:
        text = text_of(message.content)
        status = "api_error" if service_error else None
        session.add(context, "notice", "system", text=text, status=status, meta=True)  # type: ignore[arg-type]
        return
    if not memory.model and not context.agent:
        memory.model = model
    context.model = model
    memory.resumed = False
    first = len(session.steps)
    content = message.content
    for block in [Block(type="text", text=content)] if isinstance(content, str) else content or ():
        if isinstance(block, str):
            session.add(context, "message", "agent", text=block)
        elif block.type == "text":
            if block.text:
                session.add(context, "message", "agent", text=block.text)
        elif block.type == "thinking":
            if block.thinking:
                session.add(context, "reasoning", "agent", text=block.thinking)
        elif block.name:  # tool_use, server_tool_use, mcp_tool_use
            _call(session, context, block)
    if len(session.steps) > first:
        usage = session.new_usage(context.message, message.usage)
        if usage is not None:
            session.steps[first] = msgspec.structs.replace(session.steps[first], usage=usage)


def _call(session: Session, context: Context, block: Block) -> None:
    args = arguments_of(block.input)
    session.add(context, "call", "agent", tool=block.name, args=args, call_id=block.id)
    session.open_call(block.id, block.name)
    if block.name == "Skill":
        skill = args.get("skill") or args.get("command")
        if isinstance(skill, str):
            session.memory.skills[block.id] = skill.lstrip("/")
    elif block.name in claude_text.words().agent_tools and not context.agent:
        session.memory.last_agent_call = block.id


def user(session: Session, context: Context, row: Row | SubRow, message: Message, *, client_text: bool) -> None:
    """Steps of one user row: results of tools, a person's words, the client's words (`client_text`)."""
    content = message.content
    if isinstance(content, str):
        _words_of_user(session, context, content, client_text=client_text, row=row)
        return
    for block in content or ():
        if isinstance(block, str):
            _words_of_user(session, context, block, client_text=client_text, row=row)
        elif block.tool_use_id and block.type.endswith("tool_result"):
            _result(session, context, row, block)
        elif block.type == "text":
            _words_of_user(session, context, block.text, client_text=client_text, row=row)


def _result(session: Session, context: Context, row: Row | SubRow, block: Block) -> None:
    text = block.content if isinstance(block.content, str) else text_of(block.content)
    mirror = row.toolUseResult
    interrupted = not isinstance(mirror, str | list | None) and bool(mirror.interrupted)
    denial = (row.toolDenialKind or "") if isinstance(row, Row) else ""
    ended = classify(text, error=bool(block.is_error), denial=denial, interrupted=interrupted)
    tool = session.memory.tools.pop(block.tool_use_id, "")
    session.add(
        context,
        "result",
        "tool",
        text=text,
        tool=tool,
        call_id=block.tool_use_id,
        status=ended.status,
        exit_code=ended.exit_code,
    )
    skill = session.memory.skills.pop(block.tool_use_id, "")
    if skill and ended.status == "ok":
        session.load_skill(context, skill, block.tool_use_id)
        session.memory.launched = skill
    if ended.status == "denied_user":
        reason = claude_text.rejection_reason(text)
        session.add(
            context, "permission", "user", text=reason, tool=tool, call_id=block.tool_use_id, status="denied_user"
        )


def _words_of_user(session: Session, context: Context, text: str, *, client_text: bool, row: Row | SubRow) -> None:
    memory = session.memory
    if not text:
        return
    if claude_text.is_interruption(text):
        session.add(context, "notice", "user", text=text, status="interrupted", meta=True)
        return
    client_text = client_text or bool(context.agent)
    if client_text:
        _skill_body(session, context, text, row)
        session.add(context, "message", "user", text=text, meta=True)
        return
    for part in claude_text.parts(text):
        command = claude_text.command_of(part.text) if part.meta else None
        if command:
            memory.command = command.name
            memory.ended_by_user = memory.ended_by_user or command.name in ("exit", "quit")
        elif not part.meta and memory.ended_by_user and isinstance(row, Row):
            resume_notice(session, context)
        session.add(context, "message", "user", text=part.text, meta=part.meta)
        if not memory.asked:
            session.ask(claude_text.task_of(part.text, part.meta))


def _skill_body(session: Session, context: Context, text: str, row: Row | SubRow) -> None:
    folder = claude_text.skill_folder(text)
    if not folder:
        return
    memory = session.memory
    name = claude_text.folder_name(folder)
    if memory.launched.split(":")[-1] == name:
        memory.launched = ""
        return
    if memory.command.split(":")[-1] == name:
        name = memory.command
    session.load_skill(context, name, (row.sourceToolUseID or "") if isinstance(row, Row) else "")


def resume_notice(session: Session, context: Context) -> None:
    """Note once that the client was started anew: what it remembered of files is gone."""
    memory = session.memory
    memory.ended_by_user = False
    if not memory.resumed:
        memory.resumed = True
        session.add(context, "notice", "system", text="resume", meta=True)


def plain(value: object) -> str:
    """Any JSON value as text: strings as they are, lists of strings joined, the rest as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return "\n".join(value)
    if isinstance(value, list) and all(isinstance(v, dict) and isinstance(v.get("text"), str) for v in value):
        return "\n".join(v["text"] for v in value)
    return json_text(value)


def text_of(content: str | Sequence[Block | str] | None) -> str:
    """The text of a content: blocks joined by line breaks, an image as `[image]`."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = (b if isinstance(b, str) else b.text or (f"[{b.type}]" if b.type != "text" else "") for b in content)
    return "\n".join(t for t in texts if t)
