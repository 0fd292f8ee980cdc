"""The studio's texts: every key that the code names is there, in every language, with the same blanks."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import impasto_studio
from impasto.errors import CODES
from impasto.jobs import EVENT_TYPES, JobState
from impasto.kinds import all_kinds
from impasto.pipelines.records import PIPELINE_EVENT_TYPES, StepState
from impasto_studio.words import NAMES, TABLES
from impasto_studio.words.english import ENGLISH

_CODE = "\n".join(path.read_text("utf-8") for path in Path(impasto_studio.__file__).parent.rglob("*.py"))


def _blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", list(TABLES))
def test_a_language_has_every_text_with_the_same_blanks(language: str) -> None:
    table = TABLES[language]
    assert set(table) == set(ENGLISH)
    assert {key for key, text in table.items() if _blanks(text) != _blanks(ENGLISH[key]) or not text} == set()
    assert language in NAMES


def test_every_text_that_the_code_names_is_there() -> None:
    named = set(re.findall(r'say\(\s*"([^"]+)"', _CODE)) | set(
        re.findall(r'"((?:redraw|jobs|training)\.[a-z_.]+)"', _CODE)
    )
    assert named - set(ENGLISH) == set()


def test_every_text_is_used() -> None:
    families = {prefix for prefix, _ in re.findall(r'say\(f"([a-z]+\.)(\{)', _CODE)}
    unused = {
        key
        for key in ENGLISH
        if f'"{key}"' not in _CODE.replace(f'"{key}": ', "") and not key.startswith(tuple(families))
    }
    assert unused == set()


def test_every_state_and_event_has_a_name() -> None:
    assert {f"state.{state.value}" for state in JobState} <= set(ENGLISH)
    assert {f"state.{state.value}" for state in StepState} <= set(ENGLISH)
    assert {f"event.{name}" for name in (*EVENT_TYPES, *PIPELINE_EVENT_TYPES)} <= set(ENGLISH)


def test_kinds_are_named_that_exist() -> None:
    assert {key.removeprefix("kind.") for key in ENGLISH if key.startswith("kind.")} <= set(all_kinds())


def test_faults_are_named_by_codes_that_exist() -> None:
    codes = {key.removeprefix("fault.").removesuffix(".note") for key in ENGLISH if key.startswith("fault.")}
    assert codes - set(CODES) == set()


def test_every_reason_for_a_failed_delivery_is_said_in_words() -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
    table = page.partition("| error | meaning |\n|---|---|\n")[2].partition("\n\n")[0]
    reasons = {reason for line in table.splitlines() for reason in re.findall(r"`([a-z_]+)`", line.split("|")[1])}
    assert len(reasons) > 5
    assert {key.removeprefix("why.") for key in ENGLISH if key.startswith("why.")} == reasons
