"""The OpenAPI document is a file under review: a change of the API is seen in the diff."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.kept import ROOT, assert_file_is
from tests.contracts.kinds_page import documented_kinds

_SNAPSHOT = Path(__file__).parent / "openapi.json"
_PLUGIN = ROOT / "tests" / "plugin"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Made in a process that does not know the tests' plug-in."""
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and Path(path) != _PLUGIN]
    code = "import json; from impasto_gateway.app import openapi; print(json.dumps(openapi()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_is_the_one_that_was_reviewed(document: dict[str, Any]) -> None:
    assert_file_is(_SNAPSHOT, json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def test_every_operation_has_a_summary_a_description_and_a_tag(document: dict[str, Any]) -> None:
    lacking = [
        name
        for name, operation in _operations(document).items()
        if not (operation.get("summary") and operation.get("description") and operation.get("tags"))
    ]
    assert lacking == []


def test_no_two_operations_share_an_id(document: dict[str, Any]) -> None:
    ids = Counter(operation["operationId"] for operation in _operations(document).values())
    assert [name for name, count in ids.items() if count > 1] == []


def test_every_kind_can_be_submitted_and_no_other(document: dict[str, Any]) -> None:
    body = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["discriminator"]["mapping"]) == set(documented_kinds())


def test_every_route_is_described_in_the_api_page_and_no_other(document: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    told = {
        f"{method} {path.partition('?')[0]}"
        for line in page.splitlines()
        if line.startswith("### ")
        for method, _, path in [line.removeprefix("### ").strip("`").partition(" ")]
        if method in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    }
    assert told == set(_operations(document))
