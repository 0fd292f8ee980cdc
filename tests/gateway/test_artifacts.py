"""An artifact that cannot be fetched is a problem document, not an answer that breaks off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from impasto.backends.objects import S3Objects
from impasto.testing.processes import answers, eventually, free_port
from impasto.testing.stacks import Stack
from tests.asking import ask

_DIGEST = "5" * 64


def _published(stack: Stack) -> None:
    stack.key("first")
    stack.sql(
        """INSERT INTO artifacts (tenant_id, sha256, media_type, size_bytes, stored_at, published_at)
           VALUES (%s, %s, 'image/png', 5, now(), now())""",
        [stack.tenants["first"], _DIGEST],
    )


def test_an_object_that_the_store_has_lost_is_404(stack: Stack) -> None:
    stack.start_gateway()
    _published(stack)
    answer = ask(stack, "GET", f"/v1/artifacts/{_DIGEST}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_the_store_an_artifact_is_503(stack: Stack, tmp_path: Path) -> None:
    assert S3Objects(stack.settings).ready()
    stack.settings = replace(stack.settings, s3_endpoint=f"http://127.0.0.1:{free_port()}")
    stack.start("impasto_gateway")
    _published(stack)
    eventually(lambda: answers(f"{stack.url}/healthz"), "the gateway is up")
    answer = ask(stack, "GET", f"/v1/artifacts/{_DIGEST}")
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert answer.headers["retry-after"] == "5"
