"""What unfinished latents look like: a linear map from latents to colours, fitted once to the checkpoint's own VAE.

Shapes: C latent channels, h x w latents, P = h * w.
"""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import Tensor

_PATCHES, _PATCH_LATENTS = 12, 3
_LONGEST_PX = 256
# Keeps the fit sane where latents hardly depend on colour (random weights).
_RIDGE = 1e-3


@torch.no_grad()
def fit_colours(vae: Any, latent_px: int) -> Tensor:
    """(C + 1) x 3, on the CPU: multiplied with latents (and a one) it gives RGB of -1 to 1.

    A mosaic of random colours is encoded, and the map that best gives the colours back is solved for. Takes one
    encoding of 36 x 36 latents.
    """
    colours = torch.rand(1, 3, _PATCHES, _PATCHES, generator=torch.Generator().manual_seed(0)) * 2 - 1
    grid = colours.repeat_interleave(_PATCH_LATENTS, 2).repeat_interleave(_PATCH_LATENTS, 3)
    mosaic = grid.repeat_interleave(latent_px, 2).repeat_interleave(latent_px, 3)
    encoded = vae.encode(mosaic.to(vae.device, vae.dtype)).latent_dist.mode().float().cpu()
    latents = (encoded - (vae.config.shift_factor or 0.0)) * vae.config.scaling_factor
    rows_PC = _with_ones(latents[0].flatten(1).T.double())
    target_P3 = grid[0].flatten(1).T.double()
    gram = rows_PC.T @ rows_PC + _RIDGE * torch.eye(rows_PC.shape[1], dtype=torch.double)
    colour_map: Tensor = torch.linalg.solve(gram, rows_PC.T @ target_P3).float()
    return colour_map


def _with_ones(rows: Tensor) -> Tensor:
    return torch.cat([rows, torch.ones_like(rows[:, :1])], dim=1)


def unpack(latents: Tensor, height: int, width: int) -> Tensor:
    """1 x (h/2 * w/2) x 4C rows of 2 x 2 patches to C x h x w; `height` and `width` are h and w."""
    rows = latents[0].view(height // 2, width // 2, -1, 2, 2)
    return rows.permute(2, 0, 3, 1, 4).reshape(-1, height, width)


def picture_of(latents_Chw: Tensor, colours: Tensor, size: tuple[int, int]) -> Image.Image:
    """RGB, of the shape of `size` (width, height in pixels) and at most 256 px long."""
    height, width = latents_Chw.shape[1:]
    rgb = _with_ones(latents_Chw.float().cpu().flatten(1).T) @ colours
    levels = ((rgb.nan_to_num() + 1) * 127.5).round().clamp(0, 255).byte()
    picture = Image.fromarray(levels.view(height, width, 3).numpy(), "RGB")
    scale = min(1.0, _LONGEST_PX / max(size))
    shown = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    return picture.resize(shown, Image.Resampling.BICUBIC)
