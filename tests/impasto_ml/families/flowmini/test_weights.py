"""flowmini on disk: what was saved comes back, and what is not whole is named so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from impasto_ml.families.flowmini import CheckpointError, FlowMini, FlowMiniConfig, load_checkpoint, save_checkpoint
from impasto_ml.families.flowmini.weights import read_config
from tests.impasto_ml.families.flowmini.networks import lively


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    model = lively()
    save_checkpoint(tmp_path / "made", model.config, model.state_dict(), {"steps": 3})
    return tmp_path / "made"


def rewrite(folder: Path, **changes: Any) -> None:
    described = json.loads((folder / "config.json").read_text("utf-8"))
    described["config"] |= changes
    (folder / "config.json").write_text(json.dumps(described), "utf-8")


def test_what_was_saved_comes_back_in_half_precision(saved: Path) -> None:
    model, back = lively(), load_checkpoint(saved)
    assert back.config == model.config
    state = back.state_dict()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(state[name], value.half().float())
    assert json.loads((saved / "config.json").read_text("utf-8"))["training"] == {"steps": 3}


def test_everybody_may_read_the_files(saved: Path) -> None:
    assert [path.stat().st_mode & 0o777 for path in saved.glob("*.safetensors")] == [0o644]


@pytest.mark.parametrize("name", ["head.weight", "no_words", "styles.weight"])
def test_a_missing_tensor_is_an_error(saved: Path, name: str) -> None:
    state = load_file(saved / "model.safetensors")
    del state[name]
    save_file(state, saved / "model.safetensors")
    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(saved)


def test_an_extra_tensor_is_an_error(saved: Path) -> None:
    state = load_file(saved / "model.safetensors") | {"backdoor": torch.zeros(1)}
    save_file(state, saved / "model.safetensors")
    with pytest.raises(CheckpointError, match="backdoor"):
        load_checkpoint(saved)


def test_a_tensor_of_another_shape_is_an_error(saved: Path) -> None:
    rewrite(saved, styles=["oil", "ink", "one that has no row"])
    with pytest.raises(CheckpointError, match=r"styles\.weight"):
        load_checkpoint(saved)


@pytest.mark.parametrize("kept", [0, 4, 100, -1], ids=["empty", "half a length", "half a header", "a byte short"])
def test_a_damaged_file_is_a_checkpoint_error(saved: Path, kept: int) -> None:
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(CheckpointError):
        load_checkpoint(saved)


def test_weights_that_are_not_there_are_a_checkpoint_error(saved: Path) -> None:
    (saved / "model.safetensors").unlink()
    with pytest.raises(CheckpointError):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "\xff",
        "[" * 100_000,
        '{"family": "flowmini"}',
        '{"family": "flowmini", "format": 2, "config": {}}',
        '{"family": "other", "format": 1, "config": {}}',
        '{"family": "flowmini", "format": 1, "config": {}}',
        '{"family": "flowmini", "format": 1, "config": []}',
    ],
)
def test_a_config_that_is_none_is_a_checkpoint_error(saved: Path, text: str) -> None:
    (saved / "config.json").write_text(text, "latin-1")
    with pytest.raises(CheckpointError):
        read_config(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"patch": 0},
        {"widths": [10, 20, 30]},
        {"widths": 3},
        {"size_px": "64"},
        {"blocks": 9},
        {"more": 1},
        {"styles": 7},
    ],
)
def test_a_config_that_describes_no_network_is_a_checkpoint_error(saved: Path, change: dict[str, Any]) -> None:
    rewrite(saved, **change)
    with pytest.raises(CheckpointError):
        load_checkpoint(saved)


def test_styles_of_any_script_keep_their_order(tmp_path: Path) -> None:
    config = FlowMiniConfig.of("tiny", ("水墨", "été", "a/b"))
    save_checkpoint(tmp_path, config, FlowMini(config).state_dict())
    assert read_config(tmp_path) == config
