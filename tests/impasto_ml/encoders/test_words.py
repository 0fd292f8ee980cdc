"""Texts as one vector a token: the same whatever stands beside them, and only real tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from impasto_ml.encoders.text import TextEncoder
from impasto_ml.encoders.words import words_of


@pytest.fixture(scope="module")
def encoder(models_folder: Path) -> TextEncoder:
    torch.set_num_threads(1)
    return TextEncoder.load(models_folder)


def test_a_text_has_one_vector_a_token_without_the_marks(encoder: TextEncoder) -> None:
    words = words_of(encoder, ["a red heart", "boat", ""], 24)
    assert words.counts.tolist() == [3, 1, 0]
    assert words.vectors.shape == (3, 3, 384)
    assert words.keep.tolist() == [[True] * 3, [True, False, False], [False] * 3]


def test_padding_is_zero(encoder: TextEncoder) -> None:
    words = words_of(encoder, ["a red heart", "boat"], 24)
    assert not words.vectors[~words.keep].any()
    assert words.vectors[words.keep].any(1).all()


def test_vectors_do_not_depend_on_their_neighbours(encoder: TextEncoder) -> None:
    together = words_of(encoder, ["boat", "a very much longer text about a ship in a storm"], 24)
    assert np.allclose(together.vectors[0, :1], words_of(encoder, ["boat"], 24).vectors[0], atol=1e-5)


def test_what_does_not_fit_is_left_out(encoder: TextEncoder) -> None:
    words = words_of(encoder, ["red " * 100], 24)
    assert words.counts.tolist() == [24]
    assert words.vectors.shape == (1, 24, 384)


def test_empty_texts_alone_still_make_an_array(encoder: TextEncoder) -> None:
    words = words_of(encoder, ["", "  "], 24)
    assert words.counts.tolist() == [0, 0]
    assert not words.keep.any()


def test_a_words_vector_knows_its_sentence(encoder: TextEncoder) -> None:
    vectors = words_of(encoder, ["red heart", "red boat"], 24).vectors
    assert not np.allclose(vectors[0, 0], vectors[1, 0], atol=1e-2)


def test_hidden_vectors_are_those_whose_mean_is_the_texts_vector(encoder: TextEncoder) -> None:
    ids = encoder.tokenise("a red heart").ids
    mean = encoder.hidden([ids])[0].mean(0)
    assert np.allclose(mean / np.linalg.norm(mean), encoder.encode(["a red heart"])[0], atol=1e-5)
