"""Quotas: what a tenant may have and do, what it uses of that, and how a refusal says so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from impasto.errors import LimitExceeded

Quota = Literal["queued", "device_seconds_a_day", "storage_bytes"]

_SAID: Final[dict[Quota, tuple[str, str]]] = {
    "queued": (
        "as many of the tenant's jobs and steps of pipelines wait as may",
        "wait until some have started, cancel some, or ask whoever runs the platform for more",
    ),
    "device_seconds_a_day": (
        "the tenant's jobs have held devices for as long as they may today",
        "the day ends at midnight, UTC; or ask whoever runs the platform for more",
    ),
    "storage_bytes": (
        "the tenant's artifacts would need more storage than it has",
        "ask whoever runs the platform for more",
    ),
}


class TenantLimits(BaseModel):
    """What a tenant may have and do. `null`: no limit; for requests, the platform's own."""

    model_config = ConfigDict(extra="forbid")

    queued: int | None = Field(
        None, ge=0, le=2**31 - 1, description="Jobs and steps of pipelines that wait; more are refused."
    )
    running: int | None = Field(None, ge=0, le=2**31 - 1, description="Jobs that run; more wait.")
    device_seconds_a_day: float | None = Field(
        None, ge=0, le=1e12, allow_inf_nan=False, description="Seconds that its jobs hold slots in a day (UTC)."
    )
    storage_bytes: int | None = Field(None, ge=0, le=2**63 - 1, description="Bytes of its artifacts.")
    requests_per_s: float | None = Field(
        None, gt=0, le=1e6, allow_inf_nan=False, description="Requests a second of each of its keys, in the long run."
    )
    requests_burst: int | None = Field(None, ge=1, le=1_000_000, description="Requests of a key at once.")


class Figures(BaseModel):
    """What a tenant uses at this moment."""

    queued: int
    running: int
    device_seconds_today: float
    storage_bytes: int


class TenantUsage(BaseModel):
    """A tenant, what it uses and what it may. `resets_at`: when the seconds of the day begin anew."""

    id: str
    name: str
    used: Figures
    limits: TenantLimits
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second in the long run, and how many at once."""

    per_s: float
    burst: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What a rate said of one request: seconds to wait if it may not pass, and how many more may pass now."""

    passes: bool
    wait_s: float
    left: int
    full_in_s: float


def taken(rate: Rate, ahead_s: float, *, passes: bool) -> Taken:
    """What a rate says, `ahead_s` being how far the key's theoretical arrival time is ahead of now.

    The generic cell rate algorithm (ITU-T I.371): each request moves that time on by 1/rate, and one passes while the
    time is at most burst/rate ahead.
    """
    step_s = 1 / rate.per_s
    wait_s = 0.0 if passes else max(0.0, ahead_s + step_s - rate.burst * step_s)
    return Taken(passes, wait_s, max(0, math.floor(rate.burst - ahead_s / step_s + 1e-6)), ahead_s)


def too_fast(rate: Rate, wait_s: float) -> LimitExceeded:
    """The refusal of a request that comes too soon."""
    return LimitExceeded(
        "rate_limited",
        f"this key has sent more than {rate.per_s:g} requests a second",
        hint="wait for as long as Retry-After says; many jobs go in one call to /v1/jobs/bulk",
        limit={"requests_per_s": rate.per_s, "requests_burst": rate.burst},
        retry_after_s=round(max(wait_s, 0.001), 3),
    )


def used_up(quota: Quota, limit: float, actual: float, *, retry_after_s: float | None = None) -> LimitExceeded:
    """The refusal of what would go beyond a quota. `actual` is what there would be with it."""
    message, hint = _SAID[quota]
    data: dict[str, object] = {"quota": quota, "limit": limit, "actual": actual}
    if retry_after_s is not None:
        data["retry_after_s"] = math.ceil(retry_after_s)
    return LimitExceeded("quota_exceeded", message, hint=hint, **data)
