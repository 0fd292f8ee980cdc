"""Flows of tenants and their limits, shared by both clients."""

from __future__ import annotations

from typing import TypedDict

from impasto.client.answers import send
from impasto.client.flow import Flow, Request
from impasto.client.resources import place
from impasto.quotas import TenantUsage


class Limits(TypedDict, total=False):
    """Limits to be set; None takes one away, and what is not named stays."""

    queued: int | None
    running: int | None
    device_seconds_a_day: float | None
    storage_bytes: int | None
    requests_per_s: float | None
    requests_burst: int | None


def changing(tenant: str, limits: Limits) -> Flow[TenantUsage]:
    """Sets the limits that are named; doing so twice changes nothing."""
    answer = yield from send(Request("PATCH", place("tenants", tenant, "limits"), body=dict(limits)))
    return TenantUsage.model_validate_json(answer.content)
