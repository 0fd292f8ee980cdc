"""The ingress leads every route to its owner."""

from __future__ import annotations

import re
from typing import Final

import pytest
from fastapi import FastAPI

from impasto.client.files import _STORED_S as _CLIENT_WAITS_S
from impasto.settings import Settings
from impasto_gateway.app import create_app as create_gateway
from impasto_gateway.routes.files import _STORED_S as _GATEWAY_WAITS_S
from impasto_ingestion.app import create_app as create_ingestion
from tests.contracts.kept import ROOT

_CONFIGURATION: Final = (ROOT / "deploy/compose/nginx.conf").read_text("utf-8")
_RULE: Final = re.compile(r'^    (?:"(?P<what>[^"]+)"|default) (?P<to>\w+):\d+;$', re.MULTILINE)


def _owner(request: str) -> str:
    """Whom nginx's map leads to: a whole text first, then patterns in their order, then the default."""
    block = _CONFIGURATION.partition('map "$request_method $uri" $owner {')[2].partition("}")[0]
    rules = [(rule["what"], rule["to"]) for rule in _RULE.finditer(block)]
    whole = {what: to for what, to in rules if what and not what.startswith("~")}
    patterns = [(what[1:], to) for what, to in rules if what and what.startswith("~")]
    found = whole.get(request) or next((to for what, to in patterns if re.search(what, request)), None)
    return found or next(to for what, to in rules if what is None)


def _requests(application: FastAPI) -> set[str]:
    paths = application.openapi()["paths"].items()
    lines = {
        f"{method.upper()} {re.sub(r'{[^}]+}', 'something', path)}" for path, methods in paths for method in methods
    }
    assert lines
    return lines


_OF_INGESTION: Final = _requests(create_ingestion(Settings.from_environment({})))
_OF_THE_GATEWAY: Final = _requests(create_gateway(Settings.from_environment({})))


@pytest.mark.parametrize("request_line", sorted(_OF_INGESTION))
def test_what_ingestion_takes_is_led_to_it(request_line: str) -> None:
    """Straight to it: through the gateway every byte would be passed on twice."""
    assert _owner(request_line) == "ingestion"


@pytest.mark.parametrize("request_line", sorted(_OF_THE_GATEWAY - _OF_INGESTION))
def test_everything_else_is_led_to_the_gateway(request_line: str) -> None:
    assert _owner(request_line) == "gateway"


def test_an_answer_to_a_file_is_waited_for_as_long_as_by_the_gateway_and_the_clients() -> None:
    block = _CONFIGURATION.partition("location /v1/files/ {")[2].partition("}")[0]
    sample = (ROOT / "docs/compose.md").read_text("utf-8").partition("```nginx")[2].partition("```")[0]
    waited = [re.findall(r"proxy_read_timeout (\d+)s;", text) for text in (block, sample)]
    assert waited == [[f"{_GATEWAY_WAITS_S:.0f}"]] * 2
    assert _GATEWAY_WAITS_S == _CLIENT_WAITS_S
