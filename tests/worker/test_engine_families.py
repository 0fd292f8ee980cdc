"""Families in the engine: found by name, and drawing the same alone and among others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto_ml.families.registry import FAMILIES, family_loader
from impasto_worker.engine_orders import Drawn, EngineCheckpoint
from tests.worker.drawing import Studio, request


def _flowmini(folder: Path, models: Path) -> EngineCheckpoint:
    """Random weights of the smallest flavor, by which words and styles change the picture."""
    from impasto_ml.families.flowmini import save_checkpoint
    from tests.impasto_ml.families.flowmini.networks import lively

    model = lively()
    save_checkpoint(folder, model.config, model.state_dict())
    (folder / "models").symlink_to(models)
    return EngineCheckpoint("flowmini", folder, "flowmini")


def _last(drawn: Drawn) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.asarray(Image.open(drawn.pictures[-1].path), dtype=np.int16)


def test_flowmini_draws_the_same_alone_and_among_others(studio: Studio, models_folder: Path, tmp_path: Path) -> None:
    checkpoint = _flowmini(tmp_path / "flowmini", models_folder)
    wanted = request("a red heart", seed=3, steps=6, style={"oil": 1.0})
    alone = studio.draw(checkpoint, wanted).result(60)
    others = [request(f"a ship, number {n}", seed=n, steps=4 + n) for n in range(5)]
    among = studio.draw(checkpoint, *others, wanted).result(60)
    assert studio.engine.stats()["widths"]["6"] == 4
    assert _last(alone).std() > 5  # something is drawn at all
    # bfloat16 rounds by the width of the batch; another picture would be tens of steps away.
    assert np.abs(_last(alone) - _last(among)).mean() < 2


def test_a_style_that_flowmini_does_not_know_is_named(studio: Studio, models_folder: Path, tmp_path: Path) -> None:
    checkpoint = _flowmini(tmp_path / "flowmini", models_folder)
    failed = studio.draw(checkpoint, request(style={"cubist": 1.0})).exception(60)
    assert getattr(failed, "code", None) == "value_invalid"
    assert "oil, ink" in str(failed)


@pytest.mark.parametrize("name", [*FAMILIES, "gradients"])
def test_a_family_is_found_by_its_name_whether_built_in_or_plugged_in(name: str) -> None:
    assert callable(family_loader(name))


def test_a_family_that_nobody_has_is_a_lookup_error() -> None:
    with pytest.raises(LookupError, match="nothing"):
        family_loader("nothing")
