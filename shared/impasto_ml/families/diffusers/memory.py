"""What a pipeline and its drawings will hold on a device, told from headers and configurations before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from impasto_ml.weights import Repository, read_json
from impasto_ml.weights.headers import DTYPE_BITS

_FLOATS = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
# Copies of the widest feature map that live at once while decoding; 4.2 were measured.
_LIVE_MAPS = 5
# Of one token: residual stream, query, key, value, and the feed-forward layer's four widths, doubled by its gate.
_LIVE_WIDTHS = 14
_GUIDED = 2
_TOKENS, _TOKEN_WIDTH = 512, 4096
# Of Flux, whose network does not say how many a side it was taught with.
_LATENTS = 128


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """In bytes. `weights` by component in the dtype they are loaded in; `drawing` is one picture while it runs."""

    weights: Mapping[str, int]
    drawing: int

    @property
    def weights_bytes(self) -> int:
        return sum(self.weights.values())

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.drawing


def estimate(repository: Repository, dtype: torch.dtype, size: tuple[int, int]) -> MemoryEstimate:
    """Reads headers and two configurations only. `size`: width and height of a picture in pixels.

    Weights are exact up to what the libraries keep in another precision; a drawing is an upper guess without
    attention maps, which the fused kernels do not store.
    """
    weights = {
        name: sum(
            tensor.size_bytes * dtype.itemsize * 8 // DTYPE_BITS[tensor.dtype]
            if tensor.dtype in _FLOATS
            else tensor.size_bytes
            for tensor in files.tensors
        )
        for name, files in repository.weights.items()
    }
    denoiser = "transformer" if "transformer" in weights else "unet"
    vae, network = (read_json(repository.folder / n / "config.json", n) for n in ("vae", denoiser))
    return MemoryEstimate(weights, drawing_bytes(vae, network, dtype, size))


def default_size(repository: Repository) -> tuple[int, int]:
    """Width and height in pixels that the pipeline draws unless told otherwise."""
    denoiser = "transformer" if "transformer" in repository.weights else "unet"
    vae, network = (read_json(repository.folder / n / "config.json", n) for n in ("vae", denoiser))
    latents, latent_px = network.get("sample_size"), 2 ** (len(vae.get("block_out_channels") or (1,)) - 1)
    match latents:
        case [int(height), int(width)]:
            return width * latent_px, height * latent_px
        case int() if latents:
            return latents * latent_px, latents * latent_px
    return _LATENTS * latent_px, _LATENTS * latent_px


def drawing_bytes(vae: Mapping[str, Any], network: Mapping[str, Any], dtype: torch.dtype, size: tuple[int, int]) -> int:
    """One picture of `size` (width, height): the larger of decoding and denoising, and what waits between steps.

    `vae` and `network` are their configurations.
    """
    pixels, widths = size[0] * size[1], [int(width) for width in vae.get("block_out_channels") or (128,)]
    latents: int = pixels // 4 ** (len(widths) - 1)
    # The decoder is widest, measured in bytes, where it has come back to full size.
    decoding = pixels * widths[min(1, len(widths) - 1)] * dtype.itemsize * _LIVE_MAPS
    denoising = _GUIDED * latents * _network_width(network) * dtype.itemsize * _LIVE_WIDTHS
    waiting = latents * int(vae.get("latent_channels") or 4) * 8 + _GUIDED * _TOKENS * _TOKEN_WIDTH * dtype.itemsize
    return max(decoding, denoising) + waiting


def _network_width(network: Mapping[str, Any]) -> int:
    """Of the residual stream for each latent: U-Nets are widest in bytes at the top, transformers see 2 x 2 at once."""
    if widths := network.get("block_out_channels"):
        return int(widths[0])
    heads, width = network.get("num_attention_heads") or 24, network.get("attention_head_dim") or 64
    return int(heads) * int(width) // 4 or 1
