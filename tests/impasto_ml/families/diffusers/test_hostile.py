"""Hostile and broken repositories are refused, each with its code, and nothing that came with them is run."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from impasto_ml.families.diffusers import LAYOUTS, DiffusersTextToImage, check_tensors
from impasto_ml.weights import WeightsError, check_repository

from . import hostile
from .hostile import REFUSED

Made = Callable[[str], Path]


@pytest.mark.parametrize("damage", REFUSED, ids=lambda damage: damage.__name__)
def test_it_is_refused_and_no_canary_sings(
    pipelines: Made, tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    folder, canary = tmp_path / "model", tmp_path / "canary"
    shutil.copytree(pipelines("sd"), folder)
    damage(folder, canary)
    with pytest.raises(WeightsError) as refused:
        DiffusersTextToImage.load(folder)
    assert refused.value.code == REFUSED[damage]
    assert str(tmp_path) not in str(refused.value)
    assert not canary.exists()


@pytest.mark.parametrize("damage", [d for d, code in REFUSED.items() if code != "model_incompatible"])
def test_what_is_unsafe_or_broken_is_refused_before_any_library_opens_it(
    pipelines: Made, tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(pipelines("sd"), folder)
    damage(folder, tmp_path / "canary")
    with pytest.raises(WeightsError) as refused:
        check_repository(folder, LAYOUTS)
    assert refused.value.code == REFUSED[damage]


@pytest.mark.parametrize("damage", [d for d, code in REFUSED.items() if code == "model_incompatible"])
def test_what_fits_no_class_is_refused_without_its_weights_being_loaded(
    pipelines: Made, tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(pipelines("sd"), folder)
    damage(folder, tmp_path / "canary")
    with pytest.raises(WeightsError) as refused:
        check_tensors(check_repository(folder, LAYOUTS))
    assert refused.value.code == "model_incompatible"
    assert refused.value.where


@pytest.mark.parametrize(
    ("damage", "unpickle"),
    [
        (hostile.pickle_renamed, pickle.load),
        (hostile.old_pickle_renamed, pickle.load),
        (hostile.torch_zip_renamed, lambda file: torch.load(file, weights_only=False)),
    ],
)
def test_the_canaries_do_sing_where_pickles_are_read(
    pipelines: Made, tmp_path: Path, damage: Callable[[Path, Path], None], unpickle: Callable[..., object]
) -> None:
    folder, canary = tmp_path / "model", tmp_path / "canary"
    shutil.copytree(pipelines("sd"), folder)
    damage(folder, canary)
    with (folder / hostile.UNET).open("rb") as file:
        unpickle(file)
    assert canary.exists()


def test_the_good_one_is_accepted_with_its_headers_and_sizes(pipelines: Made) -> None:
    found = check_repository(pipelines("sd"), LAYOUTS)
    assert set(found.weights) == {"text_encoder", "unet", "vae"}
    assert found.index.settings == {"requires_safety_checker": False}
    sizes = sum(os.path.getsize(found.folder / name) for name in found.headers)
    assert 0.5 * sizes < sum(files.size_bytes for files in found.weights.values()) < sizes
