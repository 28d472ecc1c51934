"""What flows through the loop: one frozen record per stage, from a run to the health of a promotion.

Every record is a `msgspec.Struct`: one codec for the store, for `--json` and for files, at a cost of some
0.2 µs a record (docs/design/002-records.md has the comparison with pydantic). References between records are
ids. Times are seconds since the epoch, UTC, and are set by the app, never read from a clock in a stage.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

# --------------------------------------------------------------------------------------------- closed sets

StepKind = Literal["message", "reasoning", "call", "result", "skill", "permission", "notice"]
"""`skill` = a skill was loaded; `permission` = an answer to a permission question; `notice` = a row of the
client itself (compaction, model change, hook), kept because a guard may need it."""

Actor = Literal["user", "agent", "tool", "system"]

Status = Literal[
    "ok", "error", "denied_user", "denied_hook", "denied_policy", "interrupted", "timeout", "cascade",
    "api_error", "unknown",
]  # fmt: skip
"""How a call ended, classified once by `ingest/status.py` for every format."""

FailureKind = Literal[
    "tool_error", "exit_code", "permission_denied", "refusal", "interruption", "correction", "repeated_call",
    "outcome", "api_error", "cascade", "hook_block",
    "no_progress", "check_failing", "gave_up", "goal_dropped", "reverted", "back_and_forth", "unchecked_claim",
    "hidden_failure", "contradicted", "unconfirmed_action", "doubtful_end",
]  # fmt: skip
"""The last two lines: silent failures, which no status of a result tells (`detect/silent.py`)."""

Fault = Literal["agent", "user", "cascade", "service", "denial", "work"]

Cause = Literal[
    "ambiguous_goal", "missing_permission", "wrong_data_format", "missing_information", "wrong_precondition",
    "wrong_command", "wrong_name_or_path", "stale_state", "resource_limit", "external_service", "no_progress",
    "unknown",
]  # fmt: skip

Remedy = Literal["skill", "permission", "tool", "environment", "data", "task_author", "none"]

Lane = Literal["severe", "few_users", "broad", "oldest"]

VerdictValue = Literal["better", "not_better", "not_enough_evidence"]

Action = Literal["approve", "edit", "reject", "snooze"]

RejectReason = Literal[
    "wrong", "not_useful", "too_specific", "too_broad", "duplicate", "style", "unsafe", "not_a_skill_problem",
    "other",
]  # fmt: skip

HealthStatus = Literal["watching", "healthy", "regressed", "cannot_tell"]

Origin = Literal["learned", "builtin"]


SURE = 0.6
"""Confidence below which a failure is shown as unsure."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all records: immutable, keyword-only, unknown fields refused."""


def to_json(record: object) -> bytes:
    """Encode a record (or a list or dict of them) canonically: same value, same bytes."""
    return msgspec.json.encode(record, order="sorted")


def digest(*parts: object, size: int = 16) -> str:
    """A hexadecimal id of `size` characters over the canonical JSON of `parts` (BLAKE2b)."""
    return hashlib.blake2b(to_json(list(parts)), digest_size=size // 2).hexdigest()


# ------------------------------------------------------------------------------------------------- the run


class Usage(Record, frozen=True, kw_only=True):
    """Tokens of one model answer; `usd` only where the log states it."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    usd: float = 0.0


class Step(Record, frozen=True, kw_only=True):
    """One decision point or outcome of a run. A call and its result share `call_id`."""

    seq: int
    """Position in the run, from 0, in the order the log tells it."""
    kind: StepKind
    actor: Actor
    text: str = ""
    """The words: message, reasoning, the result's content, a notice's text. Masked."""
    tool: str = ""
    """Name of the tool: of a call and, copied, of its result. Of a `skill` step: the skill's name."""
    args: dict[str, Any] = {}
    """Arguments of a call as the model gave them; `{"_raw": text}` where they were no JSON object."""
    call_id: str = ""
    """The log's native call id, verbatim."""
    status: Status | None = None
    """Of a result: how the call ended."""
    exit_code: int | None = None
    """Of a result: the exit code where the log or the result's text states one."""
    agent: str = ""
    """"" for the main agent, else the sub-agent's native id or name."""
    message: str = ""
    """Native id of the message a call stands in: calls of one message are siblings, decided together."""
    uid: str = ""
    """Native id of the log's row (with a suffix where one row gives several steps); steps with an uid already
    known in the run are repeats and are not stored again."""
    at: float | None = None
    """Seconds since the epoch as the log says, else None."""
    source: int = 0
    """Index into `Run.sources`."""
    line: int = 0
    """Line in that file, from 1 (for one-document formats: index of the entry, from 0)."""
    entry: int = 0
    """Index among the log's own history entries, from 0 (`reflect --run` counts in these)."""
    cwd: str = ""
    """Working directory the log states for this row, where it differs from the run's."""
    model: str = ""
    """Model of an agent's message where it differs from the run's."""
    usage: Usage | None = None
    """On the first step of a model answer only, so that sums do not count an answer twice."""
    meta: bool = False
    """Text put in by the client, not typed by a person or written by the model."""

    @property
    def words(self) -> str:
        """Everything in the step that may be quoted: its text and, of a call, the texts among its arguments."""
        if self.kind != "call":
            return self.text
        return "\n".join([self.text, *(v for v in self.args.values() if isinstance(v, str))])


class Outcome(Record, frozen=True, kw_only=True):
    """How the task ended, where the log has a label for it."""

    label: Literal["success", "failure", "unknown"] = "unknown"
    reward: float | None = None
    reason: str = ""


class Run(Record, frozen=True, kw_only=True):
    """One agent session. Identity is (`client`, `id`); `version` is the hash of the content."""

    id: str
    """The native session id, verbatim."""
    client: str
    """claude-code, openai-chat, tau-bench, generic, …"""
    reader: str
    """Versioned name of the reader that made it, such as `claude-code@1`."""
    client_version: str = ""
    model: str = ""
    user: str = ""
    tenant: str = ""
    project: str = ""
    cwd: str = ""
    """Working directory at the start, the home folder as `~`."""
    branch: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    task: str = ""
    """The first thing that a person asked for, cut to 2,000 characters."""
    skills_listed: tuple[str, ...] = ()
    """Names of the skills that the client offered to the model."""
    skills_loaded: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """Native ids of other sessions that this run names as its origin (resumed, forked, parent)."""
    shared_ids: bool = True
    """Whether call and row ids are unique beyond the run, so that the same id in another run means a copy of it (a
    fork, a checkpoint). False for formats whose ids count within a conversation only."""
    outcome: Outcome = Outcome()
    sources: tuple[str, ...] = ()
    """Files the steps come from, as given by the user (home folder as `~`)."""
    steps: tuple[Step, ...] = ()

    @property
    def key(self) -> str:
        """Store-wide identity: `client:id`."""
        return f"{self.client}:{self.id}"


class Quarantined(Record, frozen=True, kw_only=True):
    """One piece of input that could not be read: kept out, counted, and said."""

    file: str
    line: int
    offset: int
    """Byte offset in the (decompressed) file."""
    size: int
    sha256: str
    reason: str


class LineCount(Record, frozen=True, kw_only=True):
    """Conservation of lines: seen = understood + ignored + quarantined, per file and in total."""

    seen: int = 0
    understood: int = 0
    ignored: int = 0
    quarantined: int = 0

    def __add__(self, other: LineCount) -> LineCount:
        return LineCount(
            seen=self.seen + other.seen,
            understood=self.understood + other.understood,
            ignored=self.ignored + other.ignored,
            quarantined=self.quarantined + other.quarantined,
        )


# ---------------------------------------------------------------------------------- failures and patterns


class Cost(Record, frozen=True, kw_only=True):
    """What a failure cost until it recovered (or until the run ended, `recovered` false)."""

    steps: int = 0
    seconds: float = 0.0
    tokens: int = 0
    usd: float = 0.0
    recovered: bool = False


class Part(Record, frozen=True, kw_only=True):
    """One named part of a signature: whether it contributes to the key, and why or why not."""

    name: str
    text: str
    contributes: bool = True
    hint: str = ""


class Signature(Record, frozen=True, kw_only=True):
    """An explainable grouping key. `id` is derived from the contributing parts and the version."""

    version: str
    parts: tuple[Part, ...]

    @property
    def id(self) -> str:
        """Hash of version and contributing parts: the pattern's identity."""
        return digest(self.version, [(p.name, p.text) for p in self.parts if p.contributes], size=12)


class Failure(Record, frozen=True, kw_only=True):
    """Something that went wrong at given steps of a run."""

    id: str
    """`digest(project, call_id or (run, step), kind)`: the same failure in a checkpoint or fork has the same id."""
    run: str
    """Key of the run (`client:id`)."""
    step: int
    """`seq` of the step that shows it (the result, the correcting message, …)."""
    call_step: int | None = None
    """`seq` of the failing call, where there is one."""
    call_id: str = ""
    file: str = ""
    line: int = 0
    """Line of the call (of the step where there is no call)."""
    tool: str = ""
    kind: FailureKind
    fault: Fault
    severity: int = 3
    """1 worst (data loss, security, money, irreversible) … 4 least."""
    detector: str
    """Versioned name."""
    rule: str = ""
    """Name of the rule (rules file) that told the fault, the cause or the severity: why it is so."""
    cause: Cause = "unknown"
    signature: Signature
    quote: str
    """Literally in the step's text, cut to 300 characters."""
    confidence: float = 1.0
    """How sure (0-1) that this is a failure: 1 where the log states it, less where it was inferred; shown as unsure
    below `SURE`."""
    at: float | None = None
    user: str = ""
    tenant: str = ""
    project: str = ""
    client: str = ""
    client_version: str = ""
    model: str = ""
    skill: str = ""
    """Skill loaded when it happened, the last one loaded."""
    lineage: str = ""
    """Filled in by grouping: smallest key of the connected runs."""
    recovery_step: int | None = None
    """`seq` of the call that worked afterwards (same file, or same first two command words, in 10 calls)."""
    cost: Cost = Cost()


class Citation(Record, frozen=True, kw_only=True):
    """Where a claim comes from; `quote` is literally in that step or the reflection is refused."""

    run: str
    step: int
    quote: str


class Pattern(Record, frozen=True, kw_only=True):
    """Episodes with one signature: the recurring task pattern. Identity is the signature's id."""

    id: str
    signature: Signature
    title: str
    """One line for a person: what goes wrong, in plain words."""
    cause: Cause
    remedy: Remedy
    fault: Fault
    severity: int
    lane: Lane
    failures: int
    episodes: int
    """Failures of one lineage with this signature count once."""
    runs: int
    lineages: int
    users: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    first_seen: float | None = None
    last_seen: float | None = None
    share: float = 0.0
    """Share of all repeated episodes."""
    cost: Cost = Cost()
    examples: tuple[Citation, ...] = ()

    @property
    def repeated(self) -> bool:
        """Seen in two lineages or more."""
        return self.lineages >= 2


class Ruling(Record, frozen=True, kw_only=True):
    """What a person said about the grouping: two patterns are one, one is several, or an earlier word is taken back."""

    id: str
    kind: Literal["merge", "split", "undo"]
    pattern: str
    """Id of the pattern it is about; of an undo, of the ruling that is taken back."""
    signature: Signature | None = None
    """Of that pattern, as it was grouped then."""
    into: Signature | None = None
    """merge: the pattern that it becomes part of."""
    part: str = ""
    """split: name of the part of the signature that counts from now on."""
    value: str = ""
    """split: only failures whose part has this text leave the pattern; "" = each text is a pattern of its own."""
    undoes: str = ""
    """undo: id of the ruling."""
    curator: str
    at: float = 0.0


class Concentration(Record, frozen=True, kw_only=True):
    """Share of repeated episodes covered by the top 20 % of patterns, with a bootstrap interval by lineage."""

    top: float = 0.2
    in_sample: float | None = None
    held_out: float | None = None
    low: float | None = None
    high: float | None = None
    patterns: int = 0
    episodes: int = 0
    curve: tuple[float, ...] = ()
    """Cumulative share after each pattern, most frequent first (at most 200 points)."""


# ------------------------------------------------------------------------------- guard, reflection, patch


class Condition(Record, frozen=True, kw_only=True):
    """One readable condition over a pending call and the run so far; `guards.FEATURES` lists the features."""

    feature: str
    op: Literal["is", "is_not", "has", "lacks", "matches", "at_least"] = "is"
    value: str | int | bool = True


class Expect(Record, frozen=True, kw_only=True):
    """The alternative, in a closed vocabulary; exactly one `form` (design.md, the word *guard*)."""

    form: Literal["instead", "first", "with", "without", "cwd"]
    tool: str = ""
    """instead, first."""
    argv_prefix: tuple[str, ...] = ()
    """instead: the first words of a simple command in the line."""
    args: tuple[tuple[str, str | int | bool], ...] = ()
    """instead: argument values that the better call has."""
    same_arg: str = ""
    """first: the argument that the earlier call shares with the pending one."""
    flag: str = ""
    """with, without: a command-line flag, or the name of a tool's argument."""
    value: str = ""
    """with: the flag's value, where one is known."""
    path: str = ""
    """cwd: the directory, `<root>` for the project's root."""

    def public(self) -> dict[str, Any]:
        """The surface form: `{"first": {"tool": "Read", "same_arg": "file_path"}}`."""
        shown = {
            k: v
            for k in ("tool", "argv_prefix", "args", "same_arg", "flag", "value", "path")
            if (v := getattr(self, k))
        }
        if self.args:
            shown["args"] = dict(self.args)
        return {self.form: shown}


class Guard(Record, frozen=True, kw_only=True):
    """Conditions and the expected alternative: it fires where all of `conditions` hold, or all of one of `also`."""

    conditions: tuple[Condition, ...]
    also: tuple[tuple[Condition, ...], ...] = ()
    """Further situations with the same alternative, each a conjunction of its own."""
    expect: Expect
    advice: str
    """One or two sentences for the agent: what instead, and why."""
    origin: Origin = "learned"
    learned_from: tuple[str, ...] = ()
    """Keys of the runs it was learnt from (training part only)."""
    confidence: float = 0.0
    """Lower bound (Wilson, one-sided 90 %) of the precision on the runs it was learnt from."""

    @property
    def id(self) -> str:
        """Hash of what decides its behaviour; advice and confidence do not."""
        return digest(self.conditions, self.also, self.expect, size=12)


class Claim(Record, frozen=True, kw_only=True):
    """One sentence with the citations that carry it."""

    text: str
    citations: tuple[Citation, ...]


class Reflection(Record, frozen=True, kw_only=True):
    """Why a pattern happens and what would have prevented it. Every claim is cited."""

    id: str
    pattern: str
    reflector: str
    """Versioned name, such as `template@2026-11`."""
    template: str = ""
    cause: Cause
    remedy: Remedy
    wrong_decision: Claim
    missing_information: Claim | None = None
    failed_assumption: Claim | None = None
    owner: str = ""
    """For remedies other than skill: who can fix it (task author, who grants permissions, …)."""
    refused: str = ""
    """Why no patch is written from it; empty = a patch may be written."""
    guard: Guard | None = None
    facts: dict[str, str] = {}
    """Values that the template's sentences use, such as the command that worked."""


class SkillRef(Record, frozen=True, kw_only=True):
    """A skill in a library at a revision (hash of SKILL.md's bytes; "" = does not exist yet)."""

    name: str
    path: str
    """Path of SKILL.md relative to the library's root, `/` as separator."""
    revision: str = ""
    library: str = ""
    """Root folder of the library."""


class Scope(Record, frozen=True, kw_only=True):
    """For whom a patch is: everyone (`base`), one tenant or one user."""

    level: Literal["base", "tenant", "user"] = "base"
    name: str = ""


class Chip(Record, frozen=True, kw_only=True):
    """One new capability that a patch brings: shown to the curator, dangerous ones need `--accept-risk`."""

    kind: Literal["url", "command", "script", "path", "tool", "credential", "destructive", "hidden", "frontmatter"]
    text: str
    dangerous: bool = False


class Placement(Record, frozen=True, kw_only=True):
    """Where a rule goes, told from the logs by which tier failed."""

    tier: Literal["new", "description", "body", "reference"] = "body"
    """new = no skill covers it; description = the skill was offered and not loaded; body = it was loaded and lacked
    the rule; reference = it was loaded and its reference file was not read."""
    why: str = ""
    """The counts behind it, in one sentence."""
    file: str = ""
    """reference: the file that covers the rule, relative to the skill's folder."""


class Patch(Record, frozen=True, kw_only=True):
    """Amendment of one SKILL.md against a base hash."""

    id: str
    kind: Literal["amend", "create", "permission", "retire"] = "amend"
    """retire = takes out a rule that an earlier patch wrote."""
    retires: str = ""
    """Id of that earlier patch."""
    pattern: str
    patterns: tuple[str, ...] = ()
    """Further patterns whose rules became one with this one."""
    placement: Placement = Placement()
    notes: tuple[str, ...] = ()
    """What a curator should know beside the checks: the language, the routing it changes, conflicts."""
    reflection: str
    skill: SkillRef
    before: str = ""
    """Whole text of SKILL.md it was written against ("" for a new skill)."""
    after: str
    """Whole text with the amendment."""
    diff: str
    rule: str
    """The added rule as one paragraph: when, what instead, why."""
    rationale: tuple[Claim, ...] = ()
    guard: Guard | None = None
    chips: tuple[Chip, ...] = ()
    scope: Scope = Scope()
    writer: str
    clients: tuple[str, ...] = ()
    """`client version` pairs it was learnt on."""
    models: tuple[str, ...] = ()

    @property
    def edited(self) -> bool:
        """Whether a curator wrote (part of) it: the writer is then `generator + curator`."""
        return " + " in self.writer


# ----------------------------------------------------------------------------------------------- evidence


class Counts(Record, frozen=True, kw_only=True):
    """Counts of section 5 of the design for one guard, project or total."""

    episodes: int = 0
    repeated_episodes: int = 0
    repeated_right: int = 0
    caught: int = 0
    right: int = 0
    wrong: int = 0
    undecidable: int = 0
    false: int = 0
    calls: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{f: getattr(self, f) + getattr(other, f) for f in self.__struct_fields__})


class Slice(Record, frozen=True, kw_only=True):
    """The backtest of one user, tenant or severity class."""

    kind: Literal["user", "tenant", "severity", "project"]
    name: str
    counts: Counts
    judgement: Literal["better", "worse", "unknown"]


class Check(Record, frozen=True, kw_only=True):
    """One check of a patch that is not statistics: specification, secrets, hidden characters, …"""

    name: str
    passed: bool
    detail: str = ""


class Reach(Record, frozen=True, kw_only=True):
    """Share of the held-out failing runs in which the patched skill was loaded or would be selected."""

    runs: int = 0
    loaded: int = 0
    selected: int = 0
    carries: str = ""
    """What carries the rest: description, hook, nothing."""

    @property
    def share(self) -> float | None:
        """Loaded or selected, of the runs; None without runs."""
        return (self.loaded + self.selected) / self.runs if self.runs else None


class Worth(Record, frozen=True, kw_only=True):
    """The harm of the failures that a guard is right on, and how many lines of skill it costs to say so."""

    failures: int = 0
    """Failures that the guard is right on."""
    held_out: bool = False
    """Counted on later lineages that it was not learnt from; else on those it was learnt from."""
    lines: int = 0
    """Lines that the patch adds to what every load of the skill costs."""
    minutes: float = 0.0
    """Of the failures until they recovered, as the logs' times tell; gaps are cut."""
    steps: int = 0
    tokens: int = 0
    harm: float = 0.0
    """Minutes (where the log has no times, steps at their measured length), weighted by severity."""

    @property
    def per_line(self) -> float:
        """Severity-weighted minutes for each line: the order of proposals."""
        return self.harm / max(1, self.lines)

    @property
    def minutes_per_line(self) -> float:
        """Plain minutes for each line, as it is said."""
        return self.minutes / max(1, self.lines)


class Verdict(Record, frozen=True, kw_only=True):
    """What testing a patch on unseen lineages says; lost cases and protected slices first."""

    id: str
    patch: str
    value: VerdictValue
    reason: str
    lost_cases: tuple[Citation, ...] = ()
    """Held-out good calls on which the guard fired."""
    slices: tuple[Slice, ...] = ()
    counts: Counts = Counts()
    held_out_lineages: int = 0
    p_value: float | None = None
    q_value: float | None = None
    """After Benjamini-Hochberg over the patches of the scan."""
    checks: tuple[Check, ...] = ()
    reach: Reach = Reach()
    examples: tuple[Citation, ...] = ()
    """Held-out failures that it caught."""
    worth: Worth = Worth()
    without: Counts | None = None
    """What the whole set of the scan's patches loses on later lineages without this one; None = not measured."""
    at: float = 0.0


class QueueItem(Record, frozen=True, kw_only=True):
    """One reviewable verdict in the queue."""

    patch: str
    skill: str
    pattern: str
    title: str
    lane: Lane
    severity: int
    failures: int
    users: int
    verdict: VerdictValue
    reach: float | None
    review_by: str
    """Guaranteed date of the review, YYYY-MM-DD."""
    score: float = 0.0
    scope: Scope = Scope()
    new_skill: bool = False
    worth: Worth = Worth()


class Decision(Record, frozen=True, kw_only=True):
    """A person's answer, bound to the hash of what was seen."""

    id: str
    patch: str
    verdict: str
    action: Action
    curator: str
    seen: str
    """`curate.seen_hash(patch, verdict, head revision)`."""
    reason: RejectReason | None = None
    note: str = ""
    until: float | None = None
    """snooze: wake time."""
    evidence: str = ""
    """Hash of the pattern's evidence at decision time: a rejected patch returns only when it changes."""
    at: float = 0.0


class Promotion(Record, frozen=True, kw_only=True):
    """A commit in the skill library."""

    id: str
    patch: str
    decision: str
    skill: SkillRef
    commit: str
    parent: str
    branch: str = ""
    before: str = ""
    """Revision (hash of SKILL.md) before; "" = new skill."""
    after: str = ""
    at: float = 0.0


class Rollback(Record, frozen=True, kw_only=True):
    """The revert of a promotion."""

    id: str
    promotion: str
    commit: str
    branch: str = ""
    curator: str
    reason: str
    at: float = 0.0


class Health(Record, frozen=True, kw_only=True):
    """What runs that loaded a promoted revision show."""

    promotion: str
    status: HealthStatus
    reason: str
    exposed: int = 0
    recurrences: int = 0
    at: float = 0.0


class AuditEntry(Record, frozen=True, kw_only=True):
    """One link of the audit chain: `hash = sha256(prev, seq, at, kind, canonical body)`."""

    seq: int
    at: float
    kind: str
    body: dict[str, Any]
    prev: str
    hash: str
