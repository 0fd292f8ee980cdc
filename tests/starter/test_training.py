"""Training the starter: cut off, it goes on; done, it is done."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from impasto_ml.encoders.text import TextEncoder
from impasto_ml.training.captioned import CaptionedPictures, Example, write_captioned
from impasto_ml.training.flow_matching import FlowTraining
from impasto_starter import training
from impasto_starter.card import write_card
from impasto_starter.hands import STYLE_NAMES, STYLES


@pytest.fixture
def encoder(models_folder: Path, one_thread: None) -> TextEncoder:
    return TextEncoder.load(models_folder)


@pytest.fixture
def pictures(encoder: TextEncoder, tmp_path: Path) -> CaptionedPictures:
    examples = [Example(Image.new("RGB", (32, 32), style), (style,), "flat") for style in ("red", "blue")]
    return write_captioned(tmp_path / "table", examples, encoder, size_px=32, styles=STYLE_NAMES)


def test_what_was_cut_off_goes_on_to_the_same_weights(
    encoder: TextEncoder, pictures: CaptionedPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "FLAVOR", "tiny")
    monkeypatch.setattr(training, "_SAVE_EVERY", 2)
    monkeypatch.setattr(training, "_SAMPLE_PROMPTS", ("red",))
    options = FlowTraining(steps=5, batch=2, warm_up=1, seed=1)
    whole = training.train(
        training.new_network(pictures), pictures, tmp_path / "whole", options, encoder, lambda _: None
    )

    def cut_off(text: str) -> None:
        raise KeyboardInterrupt(text)

    told: list[str] = []
    monkeypatch.setattr(training, "sheet", lambda *_: cut_off("after the first state"))
    with pytest.raises(KeyboardInterrupt):
        training.train(training.new_network(pictures), pictures, tmp_path / "cut", options, encoder, told.append)
    monkeypatch.undo()
    monkeypatch.setattr(training, "FLAVOR", "tiny")
    monkeypatch.setattr(training, "_SAMPLE_PROMPTS", ("red",))
    gone_on = training.train(training.new_network(pictures), pictures, tmp_path / "cut", options, encoder, told.append)
    assert told == ["going on after step 2"]
    assert (gone_on.step, whole.step) == (5, 5)
    assert all(torch.equal(value, whole.averaged[name]) for name, value in gone_on.averaged.items())
    again = training.train(training.new_network(pictures), pictures, tmp_path / "cut", options, encoder, told.append)
    assert again.step == 5
    with Image.open(tmp_path / "whole" / "samples-000004.png") as sheet:
        assert sheet.size == (32, 32 * len(STYLE_NAMES))
    assert not list(tmp_path.rglob("*.part"))


def test_the_card_names_every_set_its_licence_and_every_measure(tmp_path: Path) -> None:
    facts = {"made_at": "2026-01-01T00:00:00+00:00", "steps": 9000, "batch": 64, "pictures": 12345, "seed": 1}
    measured = {"scenes": {"shape": {"value": 0.75, "low": 0.7, "high": 0.8, "count": 40}}, "split": "held out"}
    text = write_card(tmp_path, facts, measured).read_text("utf-8")
    for style in STYLES:
        assert f"| {style.artist} | npm `{style.specifier}` | {style.licence} |" in text
    assert "| scenes shape | 0.750 | 0.700 to 0.800 | 40 |" in text
    assert "9,000 steps of batch 64 over 12,345 pictures" in text
