"""The thresholds of `lanes.toml`, as values."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from memento_skills.errors import UsageError
from memento_skills.records import Lane, Record

LANES: tuple[Lane, ...] = ("severe", "few_users", "broad", "oldest")


class Quotas(Record, frozen=True, kw_only=True):
    """Reviews a day that each lane is guaranteed."""

    severe: int = 6
    few_users: int = 5
    broad: int = 6
    oldest: int = 3

    def __post_init__(self) -> None:
        if min(self.severe, self.few_users, self.broad, self.oldest) < 1:
            raise UsageError("every lane needs at least one review a day", hint="give the queue more reviews a day")

    def of(self, lane: Lane) -> int:
        """The quota of one lane."""
        quota: int = getattr(self, lane)
        return quota

    @property
    def total(self) -> int:
        """Reviews a day."""
        return self.severe + self.few_users + self.broad + self.oldest

    @classmethod
    def for_capacity(cls, reviews: int) -> Quotas:
        """The default shares at another number of reviews a day (at least 4), by largest remainder, none below one."""
        if reviews < len(LANES):
            raise UsageError(f"{reviews} reviews a day are too few", hint=f"at least {len(LANES)}: one for each lane")
        shares = {lane: rules().quotas.of(lane) for lane in LANES}
        spare = reviews - len(LANES)
        exact = {lane: spare * share / sum(shares.values()) for lane, share in shares.items()}
        given = {lane: int(part) for lane, part in exact.items()}
        left = sorted(LANES, key=lambda lane: (given[lane] - exact[lane], LANES.index(lane)))
        for lane in left[: spare - sum(given.values())]:
            given[lane] += 1
        return cls(**{lane: 1 + part for lane, part in given.items()})


class _Severe(msgspec.Struct, frozen=True):
    severity_at_most: int


class _FewUsers(msgspec.Struct, frozen=True):
    users_at_most: int
    share_at_most: float
    share_below: float
    depth_share: float


class _Snooze(msgspec.Struct, frozen=True):
    days_at_most: int


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as a value."""

    severe: _Severe
    few_users: _FewUsers
    weights: dict[str, float]
    quotas: Quotas
    snooze: _Snooze

    def weight(self, severity: int) -> float:
        """What one failure of that severity counts for."""
        return self.weights[str(min(max(severity, 1), 4))]


@cache
def rules() -> Rules:
    """The rules as shipped."""
    data = files("memento_skills.curate").joinpath("lanes.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(data), Rules)


def weight(severity: int) -> float:
    """What one failure of that severity (1 worst … 4) counts for."""
    return rules().weight(severity)
