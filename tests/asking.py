"""Asking the gateway over HTTP as any program would, for tests below the SDK."""

from __future__ import annotations

from typing import Any

import httpx

from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack


def ask(stack: Stack, method: str, path: str, *, tenant: str = "first", **rest: Any) -> httpx.Response:
    """One request with a tenant's key."""
    headers = {"Authorization": f"Bearer {stack.key(tenant)}", **rest.pop("headers", {})}
    return httpx.request(method, f"{stack.url}{path}", headers=headers, timeout=20, trust_env=False, **rest)


def submit(stack: Stack, kind: str, params: dict[str, Any], *, tenant: str = "first", **rest: Any) -> dict[str, Any]:
    """Submits a job and gives what the 202 says."""
    answer = ask(stack, "POST", "/v1/jobs", tenant=tenant, json={"kind": kind, "params": params, **rest})
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def look(stack: Stack, job_id: str, *, tenant: str = "first") -> dict[str, Any]:
    """The job as it is now."""
    answer = ask(stack, "GET", f"/v1/jobs/{job_id}", tenant=tenant)
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


def ended(stack: Stack, job_id: str, *, tenant: str = "first", most_s: float = 40) -> dict[str, Any]:
    """The job, once it has ended."""

    def final() -> dict[str, Any] | None:
        job = look(stack, job_id, tenant=tenant)
        return job if job["finished_at"] else None

    return eventually(final, f"{job_id} ends", most_s)
