"""Tiny pipelines and their adapters, each made once for the whole run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
from PIL import Image

from impasto_ml.families.diffusers import DiffusersTextToImage
from impasto_ml.families.text_to_image import DrawingRequest

from . import tiny

Made = Callable[[str], Path]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny networks lose more than they gain by several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The folder of a tiny pipeline by its name in `tiny.MAKERS`; not to be changed."""
    root = tmp_path_factory.mktemp("pipelines")
    return cache(lambda name: tiny.make(name, root / name))


@pytest.fixture(scope="session")
def loras(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Path]:
    """The folder of an adapter for that pipeline, one for each seed; not to be changed."""
    root = tmp_path_factory.mktemp("loras")
    return cache(lambda name, seed: tiny.make_lora(name, root / f"{name}-{seed}", seed))


@pytest.fixture
def load(pipelines: Made) -> Iterator[Callable[[str], DiffusersTextToImage]]:
    """A freshly loaded tiny pipeline; whatever it still draws is abandoned at the end."""
    loaded: list[DiffusersTextToImage] = []

    def fresh(name: str) -> DiffusersTextToImage:
        loaded.append(DiffusersTextToImage.load(pipelines(name)))
        return loaded[-1]

    yield fresh
    for model in loaded:
        model.close()


@pytest.fixture
def request_px() -> DrawingRequest:
    return DrawingRequest("a red heart", seed=3, steps=3, width=16, height=16)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.linear_gradient("L").resize((40, 24)).convert("RGB").save(path)
    return path


def drawn(model: DiffusersTextToImage, request: DrawingRequest) -> bytes:
    """The finished picture's pixels."""
    drawing = model.begin(request)
    while not drawing.done:
        model.denoise_step([drawing])
    return model.finish(drawing).tobytes()
