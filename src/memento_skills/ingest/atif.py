"""ATIF trajectories (Harbor's RFC 0001, versions 1.x up to 1.8) -> runs.

One file is one trajectory, a list of them, or one a line. The unit of conservation is the ATIF step. A trajectory that
`to_atif` wrote is given back as the run it was. ATIF has no field for a failed call: Harbor's and atif-make's flags in
`extra` are read, and what Harbor's converter put into the content of a result is taken out again.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from memento_skills.ingest.atif_kept import restored
from memento_skills.ingest.building import Building, Ended, Place
from memento_skills.ingest.entries import EntryReader
from memento_skills.ingest.harbor import outcome_of
from memento_skills.ingest.loose import NotReadable, json_of, loosely
from memento_skills.ingest.values import arguments_of, text_of, time_of
from memento_skills.interfaces import Line
from memento_skills.records import Outcome, Run, Usage, digest

_MARK = re.compile(rb'"schema_version"\s*:\s*"ATIF-v')
_VERSION = re.compile(r"ATIF-v1\.\d{1,3}")
_PUT_IN = re.compile(r"\n*\[(?:error\] tool reported failure|metadata\] \{[^\n]*\})\s*\Z")
_LONG_ID = 16
_DEEPEST = 8  # sub-agents of sub-agents


class _Agent(msgspec.Struct):
    name: str = ""
    version: str = ""
    model_name: str | None = None


class _Call(msgspec.Struct):
    tool_call_id: str = ""
    function_name: str = ""
    arguments: Any = None
    extra: dict[str, Any] | None = None


class _Ref(msgspec.Struct):
    trajectory_id: str | None = None
    session_id: str | None = None


class _Result(msgspec.Struct):
    source_call_id: str | None = None
    content: Any = None
    subagent_trajectory_ref: list[_Ref] | None = None
    extra: dict[str, Any] | None = None


class _Observation(msgspec.Struct):
    results: list[_Result] | None = None


class _Metrics(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None


class _Step(msgspec.Struct):
    step_id: int | None = None
    timestamp: Any = None
    source: str = ""
    model_name: str | None = None
    message: Any = None
    reasoning_content: str | None = None
    tool_calls: list[_Call] | None = None
    observation: _Observation | None = None
    metrics: _Metrics | None = None
    is_copied_context: bool | None = None
    extra: dict[str, Any] | None = None


class _Trajectory(msgspec.Struct):
    schema_version: str = ""
    session_id: str | None = None
    trajectory_id: str | None = None
    agent: _Agent | None = None
    steps: list[Any] | None = None
    subagent_trajectories: list[Any] | None = None


class AtifReader(EntryReader):
    """Reader of ATIF trajectories."""

    name = "atif@1"
    beside = ("result.json", "../result.json")

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source, carry)
        self._outcome: Outcome | None = None

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where a schema version of ATIF is named near the beginning."""
        return 0.95 if head.lstrip()[:1] in (b"{", b"[") and _MARK.search(head) else 0.0

    def companion(self, name: str, data: bytes) -> None:
        """Take Harbor's `result.json` of the trial that the trajectory belongs to: its rewards and exception."""
        del name
        try:
            self._outcome = outcome_of(json_of(data)) or self._outcome
        except NotReadable:
            return

    def value(self, value: object, line: Line) -> None:
        """Take one trajectory or a list of them."""
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, dict) or not str(one.get("schema_version", "")).startswith("ATIF-"):
                self.skip("(no trajectory)")
                continue
            version = str(one["schema_version"])
            if not _VERSION.fullmatch(version):
                self.refuse(line, f"ATIF version {version[:20]!r} is not known")
                continue
            self._trajectory(one, line)

    def take(self) -> list[Run]:
        """The runs since the last `take`, with the outcome of the trial where its file lay beside."""
        if self._outcome is not None:
            told = [r if r.outcome.label != "unknown" else _with(r, self._outcome) for r in self.made]
            self.made = told
        return super().take()

    def _trajectory(self, raw: dict[str, Any], line: Line) -> None:
        whole = restored(raw)
        if whole is not None:
            for _ in _all_steps(raw):
                self.took()
            self.made.append(whole)
            return
        trajectory = loosely(raw, _Trajectory)
        agent = trajectory.agent or _Agent()
        session = trajectory.session_id or trajectory.trajectory_id or self.fallback_id
        reading = _Reading(self, line, session, agent.model_name or "")
        reading.trajectory(trajectory, "", None, 0)
        steps = tuple(reading.building.made)
        run = Run(
            id=session,
            client=f"atif-{agent.name}" if agent.name else "atif",
            reader=self.name,
            client_version=agent.version,
            model=agent.model_name or "",
            task=reading.building.task or reading.copied_task,
            links=tuple(dict.fromkeys(link for link in reading.links if link != session)),
            shared_ids=all(len(step.call_id) >= _LONG_ID for step in steps if step.kind == "call"),
            sources=(self.source,),
        )
        self.made.append(reading.building.finish(run))


class _Reading:
    """One trajectory with its embedded sub-agents."""

    def __init__(self, reader: AtifReader, line: Line, session: str, model: str) -> None:
        self.building = Building()
        self.links: list[str] = []
        self.copied_task = ""
        self._reader, self._line, self._session, self._model = reader, line, session, model
        self._embedded: dict[str, Any] = {}

    def trajectory(self, one: _Trajectory, agent: str, parent: int | None, depth: int) -> None:
        """All steps of a trajectory; those of sub-agents before the result that names them, the rest at the end."""
        if depth > _DEEPEST:
            self._reader.refuse(self._line, "sub-agents nested too deeply")
            return
        own: dict[str, Any] = {}
        for sub in one.subagent_trajectories or ():
            name = sub.get("trajectory_id") if isinstance(sub, dict) else None
            own[name if isinstance(name, str) and name else f"{agent}sub-agent {len(own) + 1}"] = sub
        self._embedded |= own
        entry = parent or 0
        for index, raw in enumerate(one.steps or ()):
            entry = index if parent is None else parent
            if isinstance(raw, dict):
                self._step(loosely(raw, _Step), entry, agent, depth)
            else:
                self._reader.refuse(self._line, f"step {index} is no object")
        for name in own:
            self._sub(name, entry, depth)

    def _sub(self, name: str, entry: int, depth: int) -> None:
        raw = self._embedded.pop(name, None)
        if isinstance(raw, dict):
            self.trajectory(loosely(raw, _Trajectory), name, entry, depth + 1)
        elif raw is not None:
            self._reader.refuse(self._line, "a sub-agent's trajectory is no object")

    def _step(self, step: _Step, entry: int, agent: str, depth: int) -> None:
        text = text_of(step.message)
        if step.is_copied_context:
            self._reader.skip("(copied context)")
            if step.source == "user" and not self.copied_task and not agent:
                self.copied_task = text.strip()[:2000]
            return
        calls = step.tool_calls or []
        at = time_of(step.timestamp)
        print_ = digest(at, step.source, text[:200], [c.tool_call_id for c in calls], size=12)
        uid = f"{self._session}:{agent}:{step.step_id}:{print_}"
        model = step.model_name if step.model_name and step.model_name != self._model else ""
        place = Place(entry=entry, line=entry, at=at, agent=agent, message=uid, model=model)
        before = len(self.building.made)
        if step.source == "agent":
            self._answer(step, text, place, uid)
        elif step.source == "user":
            self.building.user(place, text, uid=f"{uid}:m")
        else:
            self.building.system(place, text, uid=f"{uid}:m")
        for number, result in enumerate((step.observation.results if step.observation else None) or ()):
            self._result(result, calls, place, f"{uid}:r{number}", depth, step.extra)
        if len(self.building.made) > before:
            self._reader.took()
        else:
            self._reader.skip("(empty step)")

    def _answer(self, step: _Step, text: str, place: Place, uid: str) -> None:
        building, usage = self.building, _usage(step.metrics)
        if step.reasoning_content:
            building.add("reasoning", "agent", place, text=step.reasoning_content, uid=f"{uid}:t", usage=usage)
            usage = None
        if text:
            building.add("message", "agent", place, text=text, uid=f"{uid}:m", usage=usage)
            usage = None
        for number, call in enumerate(step.tool_calls or ()):
            building.call(
                place, call.function_name, arguments_of(call.arguments), call.tool_call_id, uid=f"{uid}:c{number}",
                usage=usage,
            )  # fmt: skip
            usage = None

    def _result(
        self, result: _Result, calls: list[_Call], place: Place, uid: str, depth: int, extra: dict[str, Any] | None
    ) -> None:
        for ref in result.subagent_trajectory_ref or ():
            if ref.trajectory_id and ref.trajectory_id in self._embedded:
                self._sub(ref.trajectory_id, place.entry, depth)
            elif ref.session_id:
                self.links.append(ref.session_id)
        call_id = result.source_call_id or (calls[0].tool_call_id if len(calls) == 1 else "")
        told = result.extra or ((extra or {}) if len(calls) == 1 else {})
        text, ended = _told(text_of(result.content), told)
        self.building.result(place, text, call_id, ended, uid=uid)


def _told(text: str, extra: dict[str, Any]) -> tuple[str, Ended]:
    """Text and end of a result, from the flags that converters put into `extra`."""
    flag = next((extra[k] for k in ("tool_result_is_error", "is_error") if isinstance(extra.get(k), bool)), None)
    code = next((extra[k] for k in ("exit_code", "returncode") if type(extra.get(k)) is int), None)
    metadata = extra.get("tool_result_metadata")
    native: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
    raw, shown = native.get("raw_tool_result"), native.get("tool_use_result")
    if isinstance(raw, dict) and raw.get("content"):
        text = text_of(raw["content"])
    while (shorter := _PUT_IN.sub("", text)) != text:
        flag = True if "[error] tool reported failure" in text[len(shorter) :] and flag is None else flag
        text = shorter
    stopped = isinstance(shown, dict) and shown.get("interrupted") is True
    return text, Ended(error=flag, exit_code=code, interrupted=stopped and flag is not False)


def _usage(metrics: _Metrics | None) -> Usage | None:
    """Our `input` is without the cached tokens, ATIF's is with them."""
    if metrics is None or not any((metrics.prompt_tokens, metrics.completion_tokens, metrics.cost_usd)):
        return None
    cached = max(metrics.cached_tokens or 0, 0)
    return Usage(
        input=max((metrics.prompt_tokens or 0) - cached, 0),
        output=max(metrics.completion_tokens or 0, 0),
        cache_read=cached,
        usd=metrics.cost_usd or 0.0,
    )


def _all_steps(raw: dict[str, Any]) -> list[Any]:
    subs = raw.get("subagent_trajectories")
    return [step for one in (raw, *(subs if isinstance(subs, list) else ())) for step in one["steps"]]


def _with(run: Run, outcome: Outcome) -> Run:
    return msgspec.structs.replace(run, outcome=outcome)
