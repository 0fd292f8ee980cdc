"""A fault that nobody foresaw: told with an id, logged by its place, and never in its own words."""

from __future__ import annotations

import logging

import httpx
import pytest
from fastapi import FastAPI

from impasto.backends.web import problems
from impasto.backends.web.requests import RequestFrame


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_the_answer_has_an_id_and_neither_it_nor_the_log_has_the_words(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()
    problems.install(app)
    app.add_middleware(RequestFrame, most_bytes=100)

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError("words of a customer")

    with caplog.at_level(logging.ERROR):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            answer = await client.get("/fails", headers={"X-Request-ID": "given-by-the-caller"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "given-by-the-caller"
    assert "test_unforeseen.py" in caplog.text
    assert "words of a customer" not in caplog.text + answer.text
