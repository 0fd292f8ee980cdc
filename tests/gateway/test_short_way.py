"""Which submissions take the short way: the whole route behind it says that it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI, Request

from impasto.backends.bells import Bells
from impasto.backends.postgres.keys import KnownKey
from impasto.backends.postgres.pools import api_pool
from impasto.backends.rates import RedisRates
from impasto.backends.web import problems
from impasto.backends.web.known_keys import KnownKeys
from impasto.backends.web.requests import REQUESTS, RequestFrame
from impasto.quotas import Rate
from impasto.settings import Settings
from impasto.tenants import new_key
from impasto_gateway.app import create_app
from impasto_gateway.group_commit import GroupCommit
from impasto_gateway.quick_submission import QuickSubmission
from impasto_gateway.ringing import Ringer

_WHOLE = {"took": "the whole way"}
_BODY: dict[str, Any] = {"kind": "test.stamp", "params": {"text": "a"}}
_NEW = new_key()


async def _whole(request: Request) -> dict[str, str]:
    return _WHOLE | {"read": (await request.body()).decode()}


class _ThoseOfARoute:
    """The parts that the short way asks for, real ones."""

    def __init__(self, group_commit: GroupCommit, ringer: Ringer) -> None:
        self.group_commit, self.ringer = group_commit, ringer


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    with psycopg.connect(settings.engine_database_url) as connection:
        connection.execute("INSERT INTO tenants (id, name) VALUES ('tnt_a', 'a')")
    pool = api_pool(settings.database_url)
    await pool.open()
    app = FastAPI()
    app.router.add_api_route("/v1/jobs", _whole, methods=["POST"])
    app.add_middleware(QuickSubmission)
    app.add_middleware(RequestFrame, most_bytes=1 << 20)
    problems.install(app)
    app.state.pool, app.state.rates, app.state.known_keys = pool, None, KnownKeys(lambda: 0.0)
    app.state.parts = _ThoseOfARoute(GroupCommit(pool), Ringer(Bells(settings.redis_url), pool))
    _know(app)
    bearer = {"Authorization": f"Bearer {_NEW.text}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway", headers=bearer
    ) as client:
        yield app, client
    await pool.close()


def _know(app: FastAPI, scopes: tuple[str, ...] = ("submit",), *, has_quotas: bool = False) -> None:
    app.state.known_keys.keep(_NEW.id, KnownKey("tnt_a", _NEW.secret_sha256, list(scopes), None, None, has_quotas))


async def _took_short_way(client: httpx.AsyncClient, body: Any = _BODY, **headers: str) -> bool:
    answer = await client.post("/v1/jobs", json=body, headers=headers)
    assert answer.status_code in {200, 202}, answer.text
    if answer.json().get("took") != _WHOLE["took"]:
        return True
    assert json.loads(answer.json()["read"]) == body, "what was read before is there to be read again"
    return False


@pytest.mark.anyio
async def test_a_sound_job_of_a_known_key_takes_it_and_is_there(
    gateway: tuple[FastAPI, httpx.AsyncClient], settings: Settings
) -> None:
    answer = await gateway[1].post("/v1/jobs", json=_BODY, headers={"Idempotency-Key": "one"})
    assert answer.status_code == 202
    with psycopg.connect(settings.engine_database_url) as connection:
        assert connection.execute("SELECT id, tenant_id FROM jobs").fetchall() == [(answer.json()["id"], "tnt_a")]
    assert not await _took_short_way(gateway[1], **{"Idempotency-Key": "one"}), "its key is taken"


@pytest.mark.anyio
async def test_what_is_unusual_is_left_to_the_whole_route(gateway: tuple[FastAPI, httpx.AsyncClient]) -> None:
    app, client = gateway
    assert await _took_short_way(client)
    unusual: list[tuple[Any, dict[str, str]]] = [
        (_BODY, {"Prefer": "wait=1"}),
        (_BODY, {"Idempotency-Key": "no key"}),
        (_BODY, {"Content-Type": "text/plain"}),
        (_BODY, {"Authorization": "Bearer nobody"}),
        ({**_BODY, "colour": "red"}, {}),
        ({**_BODY, "params": {"text": "a\0"}}, {}),
        ({**_BODY, "require_worker": True}, {}),
        ({**_BODY, "callback": {"url": "https://example.org/hook"}}, {}),
        ({**_BODY, "params": {"text": "a", "picture": "art_" + 26 * "0"}}, {}),
    ]
    for body, headers in unusual:
        assert not await _took_short_way(client, body, **headers), (body, headers)
    _know(app, has_quotas=True)
    assert not await _took_short_way(client)
    _know(app, ("read",))
    assert not await _took_short_way(client)


@pytest.mark.anyio
async def test_it_refuses_what_comes_too_fast_and_is_counted_by_its_route(
    gateway: tuple[FastAPI, httpx.AsyncClient], settings: Settings
) -> None:
    app, client = gateway
    app.state.rates = RedisRates(settings.redis_url, Rate(0.001, 2), answers_in_s=20)
    counted = {status: REQUESTS.labels("POST", "/v1/jobs", status)._value.get() for status in (202, 429)}
    answers = [await client.post("/v1/jobs", json=_BODY) for _ in range(3)]
    await app.state.rates.stop()
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert int(answers[-1].headers["retry-after"]) > 900
    assert REQUESTS.labels("POST", "/v1/jobs", 202)._value.get() == counted[202] + 2
    assert REQUESTS.labels("POST", "/v1/jobs", 429)._value.get() == counted[429] + 1


def test_the_gateway_has_it_inside_the_frame_of_every_request() -> None:
    classes = [each.cls for each in create_app(Settings.from_environment({})).user_middleware]
    assert classes == [RequestFrame, QuickSubmission]


@pytest.mark.anyio
async def test_what_goes_wrong_in_it_is_counted_by_its_route(gateway: tuple[FastAPI, httpx.AsyncClient]) -> None:
    app, client = gateway
    counted = REQUESTS.labels("POST", "/v1/jobs", 500)._value.get()
    app.state.parts = None
    assert (await client.post("/v1/jobs", json=_BODY)).status_code == 500
    assert REQUESTS.labels("POST", "/v1/jobs", 500)._value.get() == counted + 1
