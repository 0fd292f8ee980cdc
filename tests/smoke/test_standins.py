"""What the smoke run puts in place of other people's images."""

from __future__ import annotations

import re

from impasto_smoke.given import LOCKS
from impasto_smoke.standins import PYTHON, STANDINS
from tests.contracts.kept import ROOT
from tests.smoke.compose_file import services


def test_a_stand_in_has_the_tag_that_the_compose_file_names() -> None:
    parts = {"ingress": "nginx"}
    pinned = {parts.get(name, name): service["image"] for name, service in services().items() if "build" not in service}
    # No package of Debian: not run.
    assert set(pinned) - set(STANDINS) == {"grafana"}
    assert {name: tag for name, (tag, _) in STANDINS.items()} == {name: pinned[name] for name in STANDINS}


def test_a_stand_in_is_built_from_a_folder_of_its_own() -> None:
    folders = {path.parent.name for path in (ROOT / "deploy/smoke/standins").glob("*/Dockerfile")}
    assert folders == set(STANDINS)


def test_our_images_are_built_on_the_base_and_with_the_locks_that_the_smoke_run_brings() -> None:
    dockerfile = (ROOT / "deploy/docker/Dockerfile").read_text("utf-8")
    assert f"ARG BASE={PYTHON}\n" in dockerfile
    targets = {service["build"]["target"] for service in services().values() if "build" in service}
    assert targets == set(re.findall(r"^FROM runtime AS (\w+)$", dockerfile, re.MULTILINE))
    # Flower is for who wants to look at the queue itself: not run.
    assert targets - set(LOCKS) == {"flower"}
