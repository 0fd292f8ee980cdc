"""The studio's process: what it needs, what it answers without anybody, and what it never imports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.studio.processes import studio_without_gateway


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with studio_without_gateway(tmp_path_factory.mktemp("studio")) as url:
        yield url


def _get(url: str, **rest: object) -> httpx.Response:
    return httpx.get(url, timeout=20, trust_env=False, **rest)  # type: ignore[arg-type]


def test_without_a_gateway_it_is_degraded_and_still_answers(studio: str) -> None:
    assert _get(f"{studio}/readyz").json() == {"status": "degraded", "parts": {"gateway": False}}
    assert _get(f"{studio}/sign-in").status_code == 200


def test_metrics_are_told(studio: str) -> None:
    text = _get(f"{studio}/metrics").text
    assert "impasto_studio_pages_open 0.0" in text
    assert 'impasto_studio_answers_total{status="200"}' in text


def test_every_answer_forbids_the_browser_to_ask_elsewhere(studio: str) -> None:
    for path in ("/sign-in", "/static/studio.css", "/healthz", "/nowhere"):
        headers = _get(studio + path).headers
        assert "default-src 'self'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("told", "secure"), [("https", True), ("https, http", True), ("http", False), ("", False)])
def test_a_cookie_that_came_over_tls_is_for_tls_alone(studio: str, told: str, secure: bool) -> None:
    cookie = _get(f"{studio}/sign-in", headers={"X-Forwarded-Proto": told} if told else {}).headers["set-cookie"]
    attributes = {part.strip().lower() for part in cookie.split(";")}
    assert {"httponly", "samesite=lax"} <= attributes
    assert ("secure" in attributes) is secure


@pytest.mark.parametrize("path", ["/", "/create", "/training", "/jobs", "/operators", "/jobs/x", "/training/x"])
def test_every_page_leads_to_the_door(studio: str, path: str) -> None:
    answer = _get(studio + path)
    assert answer.status_code in (302, 303, 307)
    assert answer.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("path", [f"/pictures/{'a' * 64}", f"/previews/job_{'0' * 26}"])
def test_pictures_are_for_those_who_are_signed_in(studio: str, path: str) -> None:
    assert _get(studio + path).status_code == 401


def test_nothing_is_taken_from_whoever_is_not_signed_in(studio: str) -> None:
    answer = httpx.post(f"{studio}/works", content=b"x", headers={"X-File-Name": "a.png"}, timeout=20, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "path", ["/pictures/..%2f..%2fetc%2fpasswd", "/pictures/A", "/previews/../metrics/x", "/works"]
)
def test_a_strange_address_is_no_fault_of_ours(studio: str, path: str) -> None:
    assert 400 <= _get(studio + path).status_code < 500


def test_a_process_without_a_secret_says_which_setting_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "impasto_studio"], env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "IMPASTO_STUDIO_SECRET" in done.stderr


def test_the_studio_imports_no_torch_and_none_of_the_backends() -> None:
    code = "import sys, json, impasto_studio.app; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path("/"))
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    heavy = {"torch", "numpy", "PIL", "psycopg", "celery", "minio", "impasto.backends", "impasto_ml", "impasto_worker"}
    assert loaded & heavy == set()
