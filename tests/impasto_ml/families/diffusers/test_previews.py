"""Previews show the colours that latents stand for, without the decoder."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import FluxPipeline
from torch import Tensor

from impasto_ml.families.diffusers.previews import fit_colours, picture_of, unpack


class _LinearVae:
    """Encodes the mean colour of 2 x 2 pixels into four channels, exactly linearly."""

    device, dtype = torch.device("cpu"), torch.float32
    config = SimpleNamespace(shift_factor=0.2, scaling_factor=1.7)
    mix = torch.tensor([[1.0, 0.2, 0.0], [0.0, 1.0, 0.3], [0.5, 0.0, 1.0], [0.1, 0.1, 0.1]])

    def encode(self, pictures: Tensor) -> SimpleNamespace:
        latents = torch.einsum("cr,brhw->bchw", self.mix, torch.nn.functional.avg_pool2d(pictures, 2)) + 0.4
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latents))


def test_the_map_gives_back_the_colours_that_were_encoded() -> None:
    vae = _LinearVae()
    colours = fit_colours(vae, latent_px=2)
    pixels = torch.tensor([[1.0, -1.0, -1.0], [-1.0, 1.0, 0.0], [0.5, 0.5, 0.5], [-1.0, -1.0, 1.0]]).T.reshape(
        1, 3, 2, 2
    )
    encoded = vae.encode(pixels.repeat_interleave(2, 2).repeat_interleave(2, 3)).latent_dist.mode()
    shown = picture_of(((encoded - 0.2) * 1.7)[0], colours, (2, 2))
    expected = ((pixels[0].permute(1, 2, 0) + 1) * 127.5).numpy()
    assert np.abs(np.asarray(shown, dtype=float) - expected).max() < 2


@pytest.mark.parametrize(("size", "shown"), [((64, 64), (64, 64)), ((1024, 512), (256, 128)), ((16, 4096), (1, 256))])
def test_a_preview_has_the_pictures_shape_and_is_small(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert picture_of(torch.zeros(4, 8, 8), torch.zeros(5, 3), size).size == shown


def test_numbers_that_are_not_finite_are_shown_as_something() -> None:
    assert picture_of(torch.full((4, 2, 2), torch.nan), torch.ones(5, 3), (2, 2)).mode == "RGB"


def test_packed_latents_are_unpacked_as_the_pipeline_does() -> None:
    packed = torch.randn(1, 2 * 3, 16, generator=torch.Generator().manual_seed(0))
    theirs = FluxPipeline._unpack_latents(packed, height=4 * 8, width=6 * 8, vae_scale_factor=8)
    assert torch.equal(unpack(packed, 4, 6), theirs[0])
