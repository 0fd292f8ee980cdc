"""The pages' table of processes and their examples of keys are true."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final

import pytest

from impasto.settings import Settings
from impasto.tenants import new_key
from tests.contracts.kept import ROOT

_PROCESSES: Final = {
    **{
        name: f"services/impasto_{name}/__main__.py"
        for name in ("gateway", "ingestion", "reconciler", "studio", "notifier")
    },
    "worker": "shared/impasto_worker/process.py",
}


def _needs() -> dict[str, str]:
    """The table's rows: whatever an empty line cuts off is in no table."""
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    table = page.partition("| process | needs |\n|---|---|\n")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| (\w+) \| (.+) \|$", table, re.MULTILINE))


def test_every_process_has_its_row_in_the_table() -> None:
    assert set(_needs()) == set(_PROCESSES)


@pytest.mark.parametrize("name", _PROCESSES)
def test_the_table_names_what_a_process_does_not_start_without(name: str) -> None:
    variables = {setting.name: setting.metadata["variable"] for setting in fields(Settings)}
    [asked] = re.findall(r"\.require\(([^)]+)\)", (ROOT / _PROCESSES[name]).read_text("utf-8"))
    needed = {variables[field] for field in re.findall(r'"(\w+)"', asked)}
    assert needed
    told = set(re.findall(r"`(IMPASTO_\w+)`", _needs()[name]))
    # The gateway runs without it, and refuses webhooks then.
    assert told - needed == ({"IMPASTO_WEBHOOK_SECRET_KEY"} if name == "gateway" else set())
    assert needed <= told


def test_a_key_in_a_page_looks_like_a_key() -> None:
    shown = {
        (str(page.relative_to(ROOT)), value)
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for value in re.findall(r"IMPASTO_API_KEY=(\w+)", page.read_text("utf-8"))
    }
    assert shown
    form = new_key().text[: len("impasto_live_")]
    assert {(page, value) for page, value in shown if not value.startswith(form)} == set()
