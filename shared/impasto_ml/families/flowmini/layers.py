"""The parts of flowmini's U-Net.

Shapes: B pictures, C channels, H x W places, N = H W, T text tokens, D = 384 their width, E the width of the embedding
of time, words and style that modulates each block (FiLM, Perez et al. 2018, arXiv 1709.07871).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto_ml.families.flowmini.config import TEXT_WIDTH

_GROUPS = 8
_HEAD = 32


def embed_time(t_B: Tensor, width: int) -> Tensor:
    """Sines and cosines of t in [0, 1] at `width / 2` frequencies (Vaswani et al. 2017, section 3.5): B x width."""
    half = width // 2
    frequencies = torch.exp(-math.log(10_000) * torch.arange(half, device=t_B.device, dtype=torch.float32) / half)
    angles = 1000 * t_B.float()[:, None] * frequencies[None]
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def embed_places(side: int, width: int) -> Tensor:
    """Sines and cosines of both coordinates of a square grid, half of `width` for each: width x side x side."""
    coordinates = (torch.arange(side, dtype=torch.float32) + 0.5) / side
    octaves = 2.0 ** torch.arange(width // 4, dtype=torch.float32).remainder(4)
    angles = math.pi * octaves[:, None] * coordinates
    waves = torch.cat([angles.sin(), angles.cos()])
    return torch.cat([waves[:, :, None].expand(-1, side, side), waves[:, None, :].expand(-1, side, side)])


def start_at_zero(layer: nn.Conv2d | nn.Linear) -> None:
    """A layer whose output is added to something begins by adding nothing."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class Block(nn.Module):
    """Two convolutions with a residual; the embedding scales and shifts what is between them."""

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(_GROUPS, inputs)
        self.conv_in = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.modulate = nn.Linear(embedding, 2 * outputs)
        self.norm_out = nn.GroupNorm(_GROUPS, outputs)
        self.conv_out = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        start_at_zero(self.conv_out)

    def forward(self, x_BCHW: Tensor, e_BE: Tensor) -> Tensor:
        inner = self.conv_in(F.silu(self.norm_in(x_BCHW)))
        scale, shift = self.modulate(e_BE)[:, :, None, None].chunk(2, dim=1)
        inner = self.conv_out(F.silu(self.norm_out(inner) * (1 + scale) + shift))
        result: Tensor = self.skip(x_BCHW) + inner
        return result


class Attention(nn.Module):
    """Every place looks at all places and at all words, in one softmax."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._heads = width // _HEAD if width % _HEAD == 0 else 1
        self.norm = nn.GroupNorm(_GROUPS, width)
        self.places = nn.Linear(width, 3 * width)
        self.words = nn.Linear(TEXT_WIDTH, 2 * width)
        self.out = nn.Linear(width, width)
        start_at_zero(self.out)

    def forward(self, x_BCHW: Tensor, words_BTD: Tensor, bias_B1NK: Tensor) -> Tensor:
        """`bias_B1NK` is added to the scores of the K = N + T keys: 0 to look at, -inf at padding."""
        batch, width, height, breadth = x_BCHW.shape
        flat = self.norm(x_BCHW).flatten(2).transpose(1, 2)
        query, key, value = self.places(flat).chunk(3, dim=-1)
        word_key, word_value = self.words(words_BTD).chunk(2, dim=-1)
        key, value = torch.cat([key, word_key], 1), torch.cat([value, word_value], 1)
        bias = bias_B1NK[:, :, :, -key.shape[1] :].to(query.dtype)
        query, key, value = (part.unflatten(-1, (self._heads, -1)).transpose(1, 2) for part in (query, key, value))
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        outcome: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return x_BCHW + outcome.transpose(1, 2).reshape(batch, width, height, breadth)
