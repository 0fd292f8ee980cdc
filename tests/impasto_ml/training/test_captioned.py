"""Captioned pictures on disk: every picture with its own words, drawn by weight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from impasto_ml.encoders.text import TextEncoder
from impasto_ml.encoders.words import words_of
from impasto_ml.training.captioned import CaptionedPictures, Example, write_captioned

# So long that it does not fit.
LONG = "a boat and " * 40


@pytest.fixture(scope="module")
def encoder(models_folder: Path) -> TextEncoder:
    torch.set_num_threads(1)
    return TextEncoder.load(models_folder)


def plain(colour: str, side: int = 8) -> Image.Image:
    return Image.new("RGB", (side, side), colour)


def dice(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_every_picture_comes_with_its_own_words_and_style(encoder: TextEncoder, tmp_path: Path) -> None:
    examples = [
        Example(plain("#ff0000"), ("red",), "oil"),
        Example(plain("#00ff00"), ("a green boat", "green"), None),
        Example(plain("#0000ff"), (LONG,), "ink"),
        Example(plain("#ffffff"), ("",), "oil"),
    ]
    table = write_captioned(tmp_path, examples, encoder, size_px=8, styles=("ink", "oil"))
    batch = table.batch(40, dice())
    assert len(table) == 4
    texts = {(255, 0, 0): ["red"], (0, 255, 0): ["a green boat", "green"], (0, 0, 255): [LONG], (255,) * 3: [""]}
    styles = {(255, 0, 0): 2, (0, 255, 0): 0, (0, 0, 255): 1, (255,) * 3: 2}
    heard = set()
    for picture, words, keep, style in zip(batch.pictures, batch.words, batch.keep, batch.styles, strict=True):
        colour = tuple(int(channel) for channel in picture[:, 0, 0])
        assert style == styles[colour]
        known = [words_of(encoder, [text], 24) for text in texts[colour]]
        (match,) = [
            text
            for text, one in zip(texts[colour], known, strict=True)
            if one.counts[0] == keep.sum() and np.allclose(one.vectors[0, : keep.sum()], words[keep], atol=0.01)
        ]
        assert not words[~keep].any()
        heard.add(match)
    assert heard == {"red", "a green boat", "green", LONG, ""}


def test_pictures_come_as_often_as_their_weights_say(encoder: TextEncoder, tmp_path: Path) -> None:
    examples = [Example(plain("#000000"), ("a",), weight=3.0), Example(plain("#ffffff"), ("b",), weight=1.0)]
    table = write_captioned(tmp_path, examples, encoder, size_px=8, styles=())
    share = (table.batch(2000, dice()).pictures[:, 0, 0, 0] == 0).mean()
    assert 0.7 < share < 0.8


def test_the_same_dice_give_the_same_batch_from_what_lies_on_disk(encoder: TextEncoder, tmp_path: Path) -> None:
    examples = [Example(plain(f"#0000{n:02x}"), (f"number {n}",)) for n in range(9)]
    table = write_captioned(tmp_path, examples, encoder, size_px=8, styles=())
    one, other = table.batch(16, dice(4)), CaptionedPictures(tmp_path).batch(16, dice(4))
    assert np.array_equal(one.pictures, other.pictures)
    assert np.array_equal(one.words, other.words)


def test_more_captions_than_are_encoded_at_once_keep_their_places(encoder: TextEncoder, tmp_path: Path) -> None:
    texts = ["boat " * (1 + n % 7) + str(n) for n in range(150)]
    examples = (Example(plain(f"#0000{n:02x}"), (text,)) for n, text in enumerate(texts))
    table = write_captioned(tmp_path, examples, encoder, size_px=8, styles=())
    batch = table.batch(40, dice())
    for picture, words, keep in zip(batch.pictures, batch.words, batch.keep, strict=True):
        expected = words_of(encoder, [texts[picture[2, 0, 0]]], 24)
        assert np.allclose(expected.vectors[0], words[keep], atol=0.01)


def test_works_of_which_nothing_is_said_can_be_learnt_from(encoder: TextEncoder, tmp_path: Path) -> None:
    table = write_captioned(tmp_path, [Example(plain("red"), ("",))], encoder, size_px=8, styles=())
    batch = table.batch(3, dice())
    assert batch.words.shape == (3, 0, 384)
    assert batch.keep.shape == (3, 0)


def test_nothing_to_learn_from_is_refused(encoder: TextEncoder, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to learn from"):
        write_captioned(tmp_path, [], encoder, size_px=8, styles=())


def test_a_style_that_was_not_named_is_refused(encoder: TextEncoder, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'chalk' is none of the styles oil"):
        write_captioned(tmp_path, [Example(plain("red"), ("a",), "chalk")], encoder, size_px=8, styles=("oil",))


def test_the_table_tells_what_its_words_are_like(encoder: TextEncoder, tmp_path: Path) -> None:
    texts = ["a red boat", "a green boat", "on the left"]
    table = write_captioned(tmp_path, [Example(plain("#ff0000"), tuple(texts))], encoder, size_px=8, styles=())
    words = words_of(encoder, texts, 24)
    mean, spread = table.spoken()
    np.testing.assert_allclose(mean, words.vectors[words.keep].mean(0), atol=1e-3)
    np.testing.assert_allclose(spread, words.vectors[words.keep].std(0), atol=1e-3)


def test_a_table_without_words_expects_none(encoder: TextEncoder, tmp_path: Path) -> None:
    table = write_captioned(tmp_path, [Example(plain("#ff0000"), ("",))], encoder, size_px=8, styles=())
    mean, spread = table.spoken()
    assert (mean.tolist(), spread.tolist()) == ([0.0] * 384, [1.0] * 384)


def test_twins_come_with_each_other_and_all_others_with_themselves(encoder: TextEncoder, tmp_path: Path) -> None:
    examples = [
        Example(plain("#000000"), ("a",), "oil", drawing="a"),
        Example(plain("#404040"), ("b",), "oil", drawing="b"),
        Example(plain("#808080"), ("a",), "ink", drawing="a"),
        Example(plain("#c0c0c0"), ("c",), "ink"),
    ]
    table = write_captioned(tmp_path, examples, encoder, size_px=8, styles=("ink", "oil"))
    batch = table.batch(60, dice(), twins=1.0)
    pairs = set(zip(batch.pictures[:, 0, 0, 0].tolist(), batch.twins[:, 0, 0, 0].tolist(), strict=True))
    assert pairs == {(0x00, 0x80), (0x80, 0x00), (0x40, 0x40), (0xC0, 0xC0)}
    some = table.batch(200, dice(), twins=0.5)
    swapped = (some.pictures != some.twins).any((1, 2, 3)).sum()
    assert 20 < swapped < 80
    assert (table.batch(60, dice()).twins == table.batch(60, dice()).pictures).all()


def test_a_third_of_one_drawing_is_refused(encoder: TextEncoder, tmp_path: Path) -> None:
    examples = [Example(plain("#000000"), ("a",), drawing="a")] * 3
    with pytest.raises(ValueError, match="two styles at most"):
        write_captioned(tmp_path, examples, encoder, size_px=8, styles=())


def test_a_table_of_another_version_is_refused(encoder: TextEncoder, tmp_path: Path) -> None:
    write_captioned(tmp_path, [Example(plain("#000000"), ("a",))], encoder, size_px=8, styles=())
    facts = tmp_path / "facts.json"
    facts.write_text(facts.read_text("utf-8").replace('"form": 2, ', ""), "utf-8")
    with pytest.raises(ValueError, match="another version"):
        CaptionedPictures(tmp_path)
