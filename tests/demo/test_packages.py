"""The pinned packages: what counts as there, and what is said when they cannot be had."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from impasto_demo.hands import HANDS, STRANGER, Hand
from impasto_demo.packages import NoPackages, about, fetch


def install(hand: Hand, folder: Path, version: str) -> None:
    place = folder / "node_modules" / hand.package
    place.mkdir(parents=True)
    (place / "package.json").write_text(json.dumps({"version": version}), "utf-8")
    (place / "info.json").write_text(json.dumps({"name": "It", "license": {"spdx": hand.licence}}), "utf-8")


@pytest.fixture
def failing_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that writes down what it was asked for and then fails."""
    asked = tmp_path / "asked"
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > {asked}\necho "no such version" >&2\nexit 1\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return asked


def test_what_is_there_in_the_pinned_version_is_not_fetched(tmp_path: Path, failing_npm: Path) -> None:
    install(HANDS[0], tmp_path, HANDS[0].version)
    fetch(HANDS[:1], tmp_path)
    assert not failing_npm.exists()
    assert about(HANDS[0], tmp_path)["license"]["spdx"] == HANDS[0].licence


def test_another_version_is_fetched_pinned_and_without_scripts(tmp_path: Path, failing_npm: Path) -> None:
    install(HANDS[0], tmp_path, "0.0.1")
    with pytest.raises(NoPackages, match="no such version"):
        fetch(HANDS[:1], tmp_path)
    asked = failing_npm.read_text("utf-8")
    assert HANDS[0].specifier in asked
    assert "--ignore-scripts" in asked


def test_exactly_one_hand_is_a_stranger_and_three_or_more_are_taught() -> None:
    assert [hand for hand in HANDS if not hand.trained] == [STRANGER]
    assert sum(hand.trained for hand in HANDS) >= 3
    assert all(hand.version.count(".") == 2 for hand in HANDS)
