"""The Makefile tells of itself, and the pages name only targets that it has."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.contracts.kept import ROOT

_PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / ".ci" / "run"])


@pytest.fixture(scope="module")
def told() -> set[str]:
    """The targets that `make help` lists."""
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(re.findall(r"make ([a-z-]+)", re.sub(r"\x1b\[\d+m", "", done.stdout)))


def test_help_lists_every_target_that_is_there(told: set[str]) -> None:
    lines = (ROOT / "Makefile").read_text("utf-8").splitlines()
    phony = {name for line in lines if line.startswith(".PHONY:") for name in line.partition(":")[2].split()}
    assert told == phony


def test_make_alone_is_help() -> None:
    done = subprocess.run(["make", "-n"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "awk" in done.stdout


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_targets_that_exist(page: str, told: set[str]) -> None:
    text = (ROOT / page).read_text("utf-8")
    used = set(re.findall(r"(?:`|^|&& )make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert used <= told, f"unknown: {used - told}"
