"""What a request holds never makes the gateway fail, and is never repeated in its answer."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from psycopg import DataError

from impasto.backends.web import problems
from impasto.backends.web.requests import RequestFrame
from impasto.testing.stacks import Stack
from tests.asking import ask


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _cursor(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode()


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("artworks?artist=%00", 422, "value_invalid"),
        ("artworks?collection=a%00", 422, "value_invalid"),
        ("datasets/a%00", 422, "value_invalid"),
        ("datasets/a%00/versions", 422, "value_invalid"),
        ("jobs?kind=%00", 422, "value_invalid"),
        ("lineage/art%00", 422, "value_invalid"),
        ("lineage/pretrained:%00", 422, "value_invalid"),
        ("lineage/sha256:%00", 422, "value_invalid"),
        *[
            (f"{noun}?cursor={_cursor(text)}", 400, "cursor_invalid")
            for noun in ("jobs", "artworks", "datasets", "checkpoints", "styles")
            for text in (b"\0", b"job_" + b"\0" * 26, b"((((", b"")
        ],
    ],
)
def test_an_address_that_no_text_can_hold_is_the_caller_s_mistake(
    platform: Stack, path: str, status: int, code: str
) -> None:
    answer = ask(platform, "GET", f"/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert "\\u0000" not in answer.text


@pytest.mark.parametrize("field", ["collection", "artist", "medium"])
def test_a_selection_by_a_text_that_cannot_be_stored_is_refused(platform: Stack, field: str) -> None:
    body = {"kind": "dataset.prepare", "params": {"dataset": "nul", "select": {field: "\0"}}}
    answer = ask(platform, "POST", "/v1/jobs", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == f"params.select.{field}"


@pytest.mark.parametrize("text", ["(((", "[a-", "*x"])
def test_a_text_that_begins_like_a_pattern_is_a_text(platform: Stack, text: str) -> None:
    body = {"kind": "dataset.prepare", "params": {"dataset": "brackets", "select": {"collection": text}}}
    assert ask(platform, "POST", "/v1/jobs", json=body).status_code == 202


def test_what_no_rule_of_a_kind_forbids_but_the_database_cannot_hold_is_still_422(platform: Stack) -> None:
    body = {"kind": "test.stamp", "params": {"text": "words of a customer\0"}}
    answer = ask(platform, "POST", "/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "value_invalid")
    assert "words of a customer" not in answer.text


@pytest.mark.anyio
async def test_the_database_s_own_words_are_not_told() -> None:
    app = FastAPI()
    problems.install(app)
    app.add_middleware(RequestFrame, most_bytes=100)

    @app.get("/refused")
    async def refused() -> None:
        raise DataError("invalid input: words of a customer")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/refused")
    assert (answer.status_code, answer.json()["code"]) == (422, "value_invalid")
    assert "words of a customer" not in answer.text


@pytest.mark.parametrize(
    "time", ["9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2030-01-01T00:00:00"]
)
def test_a_key_expires_at_a_time_that_can_be_kept(platform: Stack, time: str) -> None:
    answer = ask(platform, "POST", "/v1/keys", json={"name": "for ever", "expires_at": time})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "expires_at"


def test_an_unknown_kind_is_not_repeated_but_the_known_ones_are_told(platform: Stack) -> None:
    body: dict[str, Any] = {"kind": "words of a customer", "params": {}}
    answer = ask(platform, "POST", "/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "kind_unknown")
    assert "words of a customer" not in answer.text
    assert "there are" in answer.json()["detail"]
    assert "generate.stylise" in answer.json()["errors"][0]["message"]
