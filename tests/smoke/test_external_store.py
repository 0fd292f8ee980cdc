"""With an object store outside, whoever reads or writes objects can reach it, and nobody else gets a way out."""

from __future__ import annotations

from typing import Any, Final

import yaml

from tests.contracts.kept import ROOT
from tests.smoke.compose_file import services

_FILE: Final = ROOT / "deploy" / "compose" / "external-s3.yml"
_OVER: Final[dict[str, dict[str, Any]]] = yaml.safe_load(_FILE.read_text("utf-8"))["services"]


def _merged() -> dict[str, dict[str, Any]]:
    """By compose's rules for two files: mappings are joined, lists of networks too; nothing else is changed here."""
    found = {name: dict(service) for name, service in services().items()}
    for name, over in _OVER.items():
        assert set(over) <= {"networks", "environment", "deploy"}, name
        below = found[name]
        below["networks"] = [*below.get("networks", []), *over.get("networks", [])]
        for key in ("environment", "deploy"):
            below[key] = {**below.get(key, {}), **over.get(key, {})}
    return found


def _outside(parts: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, service in parts.items() if "outside" in service.get("networks", [])}


def test_who_knows_the_keys_of_the_store_can_reach_it_and_nobody_else_gets_a_way_out() -> None:
    know = {name for name, service in services().items() if "IMPASTO_S3_ENDPOINT" in service.get("environment", {})}
    assert len(know) >= 6
    assert _outside(_merged()) - _outside(services()) == know
    for name in know:
        assert set(services()[name]["networks"]) < set(_merged()[name]["networks"]), name


def test_no_container_of_ours_is_the_store_and_nothing_waits_for_one() -> None:
    none = {name for name, service in _merged().items() if service.get("deploy", {}).get("replicas") == 0}
    assert none == {"minio", "objects-folder"}
    # Compose waits for a dependency only if there is to be a container of it.
    waiting = {name for name, service in _merged().items() if set(service.get("depends_on", [])) & none}
    assert waiting == {"bucket", "minio"}


def test_it_does_not_start_without_an_address() -> None:
    for name, over in _OVER.items():
        if "networks" in over:
            assert over["environment"]["IMPASTO_S3_ENDPOINT"].startswith("${IMPASTO_S3_ENDPOINT:?"), name
    assert not any("IMPASTO_S3_ENDPOINT" in str(over) for over in _OVER.values() if "networks" not in over)
