"""Which reader a file is for, by what stands in it, never by its name; and which paths are no readable file at all."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from memento_skills.ingest.atif import AtifReader
from memento_skills.ingest.chat import ChatReader
from memento_skills.ingest.claude_code import ClaudeCodeReader
from memento_skills.ingest.codex import CodexReader
from memento_skills.ingest.copilot import CopilotReader
from memento_skills.ingest.gemini import GeminiReader
from memento_skills.ingest.generic import GenericReader
from memento_skills.ingest.inspect_eval import InspectReader
from memento_skills.ingest.langfuse import LangfuseReader
from memento_skills.ingest.langsmith import LangSmithReader
from memento_skills.ingest.opencode import OpenCodeReader
from memento_skills.ingest.openhands import OpenHandsReader
from memento_skills.ingest.otlp import OtlpReader
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.specstory import SpecStoryReader
from memento_skills.ingest.swe_agent import SweAgentReader
from memento_skills.ingest.swe_agent_mini import MiniSweAgentReader

READERS: Mapping[str, type[BaseReader]] = {
    "claude-code": ClaudeCodeReader,
    "codex": CodexReader,
    "copilot": CopilotReader,
    "gemini": GeminiReader,
    "atif": AtifReader,
    "opencode": OpenCodeReader,
    "chat": ChatReader,
    "swe-agent": SweAgentReader,
    "mini-swe-agent": MiniSweAgentReader,
    "inspect": InspectReader,
    "otel": OtlpReader,
    "langsmith": LangSmithReader,
    "langfuse": LangfuseReader,
    "specstory": SpecStoryReader,
    "openhands": OpenHandsReader,
    "generic": GenericReader,
}
"""Built-in readers by the name that `--format` takes."""

_SURE = 0.5


def refusal(path: Path) -> str:
    """Why `path` is nothing that can be read as a log; "" where it is a regular file."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return "a loop of symbolic links" if error.errno == 40 else (error.strerror or "cannot be opened").lower()
    except ValueError:
        return "not a path"
    if stat.S_ISDIR(mode):
        return "a folder"
    return "" if stat.S_ISREG(mode) else "a pipe, socket or device"


def reader_for(head: bytes, readers: Mapping[str, type[BaseReader]] = READERS) -> type[BaseReader] | None:
    """The reader that is surest of a file beginning with `head`; None where none is sure."""
    best, sure = None, 0.0
    for reader in readers.values():
        likely = reader.accepts(head)
        if likely > sure:
            best, sure = reader, likely
    return best if sure >= _SURE else None


def why_unknown(head: bytes) -> str:
    """A reason for a person why no reader took the file."""
    if not head.strip():
        return "empty"
    if b"\0" in head[:4096]:
        return "binary or UTF-16, not a log in UTF-8"
    return "not a log format that is known"
