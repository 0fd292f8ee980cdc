"""Estimates for the sizes that published models have; of the weights they are exact (see test_loading)."""

from __future__ import annotations

import pytest
import torch

from impasto_ml.families.diffusers.memory import drawing_bytes

_SDXL_VAE = {"block_out_channels": [128, 256, 512, 512], "latent_channels": 4}
_SDXL_UNET = {"block_out_channels": [320, 640, 1280]}
_FLUX = {"num_attention_heads": 24, "attention_head_dim": 128}


@pytest.mark.parametrize("network", [_SDXL_UNET, _FLUX])
def test_a_large_picture_needs_a_few_gigabytes(network: dict[str, object]) -> None:
    told = drawing_bytes(_SDXL_VAE, network, torch.bfloat16, (1024, 1024))
    assert 1 << 30 < told < 6 << 30


def test_four_times_the_pixels_need_about_four_times_as_much() -> None:
    small, large = (drawing_bytes(_SDXL_VAE, _SDXL_UNET, torch.float32, (side, side)) for side in (512, 1024))
    assert large / small == pytest.approx(4, rel=0.05)
