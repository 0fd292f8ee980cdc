"""Webhooks through both clients and the command line."""

from __future__ import annotations

import asyncio
import base64
import time

from impasto import AsyncClient
from impasto.cli.webhook_listener import verified
from impasto.testing.stacks import Stack
from impasto.webhooks import signature_headers
from tests.cli.run import impasto, read_json

URL = "https://8.8.8.8/hook"


def test_the_client_makes_changes_pings_rotates_and_removes_an_endpoint(platform: Stack) -> None:
    hooks = platform.client("webhooks-client").webhooks
    made = hooks.create(URL, ["job.*"], description="d")
    endpoint_id = made.endpoint.id
    assert [found.id for found in hooks.list()] == [endpoint_id]
    assert hooks.get(endpoint_id) == made.endpoint
    assert hooks.change(endpoint_id, events=["*"]).events == ["*"]
    assert hooks.ping(endpoint_id).state == "pending"
    assert hooks.rotate(endpoint_id).secret != made.secret
    sent = list(hooks.deliveries(endpoint=endpoint_id))
    assert [delivery.type for delivery in sent] == ["webhook.ping", "webhook.ping"]
    assert hooks.replay(sent[0].id).event_id == sent[0].event_id
    hooks.remove(endpoint_id)
    assert list(hooks.list()) == []


def test_the_asynchronous_client_does_the_same(platform: Stack) -> None:
    async def use() -> None:
        async with AsyncClient(platform.url, platform.key("webhooks-async")) as client:
            made = await client.webhooks.create(URL)
            endpoint_id = made.endpoint.id
            assert [found.id async for found in client.webhooks.list()] == [endpoint_id]
            assert (await client.webhooks.get(endpoint_id)).url == URL
            assert (await client.webhooks.change(endpoint_id, enabled=False)).state == "disabled"
            assert (await client.webhooks.change(endpoint_id, enabled=True)).state == "pending"
            await client.webhooks.ping(endpoint_id)
            assert (await client.webhooks.rotate(endpoint_id)).secret
            (delivery, *_) = [found async for found in client.webhooks.deliveries(limit=2)]
            await client.webhooks.replay(delivery.id)
            await client.webhooks.remove(endpoint_id)

    asyncio.run(use())


def test_the_command_line_does_the_same(platform: Stack) -> None:
    def run(*words: str) -> object:
        result = impasto("webhooks", *words, "--json", url=platform.url, key=platform.key("webhooks-cli"))
        assert result.exit_code == 0, result.output
        return read_json(result)

    made = run("add", URL, "--event", "job.failed", "--event", "job.canceled")
    assert isinstance(made, dict)
    endpoint_id = made["endpoint"]["id"]
    assert made["endpoint"]["events"] == ["job.failed", "job.canceled"]
    assert [found["id"] for found in run("list")] == [endpoint_id]  # type: ignore[attr-defined]
    run("ping", endpoint_id)
    assert run("rotate", endpoint_id)["secret"] != made["secret"]  # type: ignore[index]
    sent = run("deliveries", "--webhook", endpoint_id)
    assert len(sent) == 2  # type: ignore[arg-type]
    run("replay", sent[0]["id"])  # type: ignore[index]
    plain = impasto("webhooks", "list", url=platform.url, key=platform.key("webhooks-cli"))
    assert endpoint_id in plain.stdout
    run("remove", endpoint_id)
    assert run("list") == []


def test_the_listener_believes_a_right_signature_alone() -> None:
    secret, body, now = base64.b64decode(b"QUFB" * 12), b"{}", time.time()
    headers = signature_headers("evt_1", int(now), body, [b"another" * 5, secret])
    assert verified(secret, headers, body, now)
    assert not verified(secret, headers, b"{ }", now)
    assert not verified(secret, headers, body, now + 301)
    assert not verified(b"z" * 32, headers, body, now)
    assert not verified(secret, headers | {"webhook-id": "evt_2"}, body, now)
    assert not verified(secret, headers | {"webhook-signature": "v1,\u00e9"}, body, now)
    assert not verified(secret, {}, body, now)
