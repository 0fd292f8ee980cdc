"""The starter belongs to everybody: found, described, and first among the checkpoints where it is installed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from impasto import starter
from impasto.starter import starter_checkpoint, starter_folder, starter_node
from impasto.testing.stacks import Stack
from tests.asking import ask

WEIGHTS = b"not looked at here"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A starter's folder as it is shipped, with other weights."""
    config = {"family": "flowmini", "format": 1, "config": {"flavor": "tiny", "styles": ["flat", "ink"]}}
    config["training"] = {"made_at": "2026-01-02T03:04:05+00:00"}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    (tmp_path / "model.safetensors").write_bytes(WEIGHTS)
    return tmp_path


def test_a_starter_is_described_by_its_files(place: Path) -> None:
    found = starter_checkpoint(place)
    assert found is not None
    assert (found.id, found.name, found.family, found.flavor) == ("starter", "starter", "flowmini", "tiny")
    assert found.weights_sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert found.config["config"]["styles"] == ["flat", "ink"]
    assert found.created_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert starter_node(place) == f"pretrained:starter@{found.weights_sha256[:12]}"


def test_it_counts_as_measured_only_with_its_evaluation(place: Path) -> None:
    unmeasured = starter_checkpoint(place)
    assert unmeasured is not None
    assert (unmeasured.measured, unmeasured.evaluations) == (False, [])
    measures = {"scenes": {"shape": 1}, "weights_sha256": hashlib.sha256(WEIGHTS).hexdigest()}
    (place / "evaluation.json").write_text(json.dumps(measures), "utf-8")
    starter.starter_checkpoint.cache_clear()
    measured = starter_checkpoint(place)
    assert measured is not None
    assert measured.measured
    assert measured.evaluations[0].measures == measures


@pytest.mark.parametrize("measures", [{"scenes": {"shape": 1}}, {"weights_sha256": "ab" * 32}])
def test_an_evaluation_of_other_weights_is_none(place: Path, measures: dict[str, Any]) -> None:
    (place / "evaluation.json").write_text(json.dumps(measures), "utf-8")
    found = starter_checkpoint(place)
    assert found is not None
    assert (found.measured, found.evaluations) == (False, [])


def test_a_folder_without_weights_is_no_starter(place: Path) -> None:
    (place / "model.safetensors").unlink()
    assert starter_folder(place) is None
    assert starter_checkpoint(place) is None
    with pytest.raises(LookupError):
        starter_node(place)


def installed() -> dict[str, Any] | None:
    """The starter of this installation, as the API shows it."""
    found = starter_checkpoint()
    return None if found is None else found.model_dump(mode="json")


@pytest.mark.parametrize("tenant", ["first", "second"])
def test_where_it_is_installed_every_tenant_has_it_first_on_the_first_page(platform: Stack, tenant: str) -> None:
    starter = installed()
    listed = ask(platform, "GET", "/v1/checkpoints?limit=1", tenant=tenant).json()
    answer = ask(platform, "GET", "/v1/checkpoints/starter", tenant=tenant)
    if starter is None:
        assert answer.status_code == 404
        assert "starter" not in [item["id"] for item in listed["items"]]
    else:
        assert answer.json() == starter
        assert listed["items"][0] == starter | {"evaluations": []}
    if listed["next_cursor"]:
        after = ask(platform, "GET", f"/v1/checkpoints?cursor={listed['next_cursor']}", tenant=tenant).json()
        assert "starter" not in [item["id"] for item in after["items"]]
