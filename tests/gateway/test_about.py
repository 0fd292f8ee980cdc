"""What the platform says of itself: no client is led to an address that is not one for it."""

from __future__ import annotations

from typing import Final

import httpx
import pytest
from fastapi.testclient import TestClient

from impasto.settings import Settings
from impasto.testing.stacks import Stack
from impasto_gateway.app import create_app

_HERE: Final = "http://127.0.0.1:8081"


@pytest.mark.parametrize(
    ("ingestion_url", "host", "told"),
    [
        (_HERE, "127.0.0.1:8080", True),
        (_HERE, "localhost:8080", True),
        ("http://[::1]:8081", "[::1]:8080", True),
        ("http://localhost:8081", "art.example.org", False),
        (_HERE, "192.168.1.5:8080", False),
        (_HERE, "gateway:8080", False),
        (_HERE, "", False),
        (_HERE, "[", False),
        ("http://ingestion:8081", "127.0.0.1:8080", False),
        ("http://ingestion:8081", "ingress:8080", False),
        ("https://uploads.example.org", "art.example.org", True),
        ("http://192.168.1.5:8081", "127.0.0.1:8080", True),
        ("http://[fd00::5]:8081", "art.example.org", True),
    ],
)
def test_ingestion_is_named_to_those_alone_who_can_reach_it(ingestion_url: str, host: str, told: bool) -> None:
    # No other part is asked: it is not started.
    client = TestClient(create_app(Settings.from_environment({"IMPASTO_INGESTION_URL": ingestion_url})))
    answer = client.get("/v1", headers={"host": host})
    assert answer.status_code == 200
    assert answer.json()["ingestion_url"] == (ingestion_url if told else None)


def test_a_gateway_names_ingestion_on_its_own_machine_and_not_to_another(platform: Stack) -> None:
    def asked(host: str) -> str | None:
        answer = httpx.get(f"{platform.url}/v1", headers={"host": host}, trust_env=False).json()
        told: str | None = answer["ingestion_url"]
        return told

    assert asked(platform.url.removeprefix("http://")) == platform.settings.ingestion_url
    assert asked("art.example.org") is None
