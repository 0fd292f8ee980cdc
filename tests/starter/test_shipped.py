"""The starter that is shipped reaches what it is meant to, by the figures that were measured on its own weights."""

from __future__ import annotations

import json

import pytest

from impasto.artifacts import digest_of
from impasto_ml.families.flowmini import STARTER

MEASURED = json.loads((STARTER / "evaluation.json").read_text("utf-8"))


@pytest.mark.parametrize("attribute", ["colour", "shape", "place"])
def test_scenes_that_it_never_saw_show_what_was_asked(attribute: str) -> None:
    assert MEASURED["scenes_held_out"][attribute]["value"] >= 0.85


def test_styles_are_as_asked_to_a_judge_that_knows_real_ones() -> None:
    assert MEASURED["style"]["real"]["value"] >= 0.85
    assert MEASURED["style"]["drawn"]["value"] >= 0.75


def test_it_copies_nothing() -> None:
    assert MEASURED["copying"]["copy_rate"]["value"] == 0


def test_the_figures_are_of_these_weights() -> None:
    assert MEASURED["weights_sha256"] == digest_of(STARTER / "model.safetensors")[0]
