"""Queues and workers as an operator asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, submit


def _items(stack: Stack, path: str) -> dict[str, Any]:
    answer = ask(stack, "GET", path)
    assert answer.status_code == 200, answer.text
    return {item["name"]: item for item in answer.json()["items"]}


def test_every_worker_tells_what_it_can_run_and_what_it_holds(platform: Stack) -> None:
    workers = _items(platform, "/v1/workers")
    assert set(workers) == {"preprocess", "device"}
    device = workers["device"]
    assert device["queues"] == ["train", "evaluate", "generate", "analyse"]
    assert "generate.stylise" in device["kinds"]
    assert "dataset.prepare" not in device["kinds"]
    assert (device["device"], device["slots"], device["checkpoints"]) == ("cpu", 2, [])
    assert device["memory_bytes"] > 1 << 28
    eventually(lambda: _items(platform, "/v1/workers")["device"]["memory_used_bytes"], "it told what it uses")


def test_a_queue_shows_what_waits_and_runs_in_it_and_who_is_there(platform: Stack, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    params = {"text": "x", "gate": str(gate), "pause_at": "compute"}
    jobs = [submit(platform, "test.stamp", params, tenant=tenant)["id"] for tenant in ("first", "first", "second")]
    try:
        queue = eventually(
            lambda: (found := _items(platform, "/v1/queues")["test"])["running"] == 2 and found, "two slots are busy"
        )
        assert (queue["queued"], queue["workers"]) == (1, 1), "of all tenants"
        aged = eventually(lambda: (_items(platform, "/v1/queues")["test"]["oldest_queued_s"] or 0) > 0.1, "it ages")
        assert aged
        busy = eventually(lambda: _items(platform, "/v1/workers")["preprocess"]["running"] == 2, "the worker tells")
        assert busy
        assert _items(platform, "/v1/queues")["test"]["idle_workers"] == 0
    finally:
        gate.unlink()
    for job_id, tenant in zip(jobs, ("first", "first", "second"), strict=True):
        ended(platform, job_id, tenant=tenant)
    assert _items(platform, "/v1/queues")["test"]["queued"] == 0


def test_an_admin_of_a_tenant_is_no_operator_and_cannot_make_one(platform: Stack) -> None:
    for path in ("/v1/queues", "/v1/workers"):
        answer = ask(platform, "GET", path, tenant="second")
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), path
    body = {"name": "mine", "scopes": ["read", "operate"]}
    answer = ask(platform, "POST", "/v1/keys", tenant="second", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_an_operator_passes_the_scope_on_and_the_key_does_nothing_else(platform: Stack) -> None:
    made = ask(platform, "POST", "/v1/keys", json={"name": "board", "scopes": ["operate"]})
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    answers = {
        path: httpx.get(f"{platform.url}{path}", headers=headers, trust_env=False).status_code
        for path in ("/v1/queues", "/v1/workers", "/v1/jobs", "/v1/keys")
    }
    assert answers == {"/v1/queues": 200, "/v1/workers": 200, "/v1/jobs": 403, "/v1/keys": 403}
