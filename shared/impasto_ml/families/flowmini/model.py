"""flowmini: a small U-Net that draws from words by rectified flow, in pixels, fast enough to train on a CPU.

Liu et al. 2022 (arXiv 2209.03003) for the flow, Ronneberger et al. 2015 (arXiv 1505.04597) for the U-Net, Li & He 2025
(arXiv 2511.13720) for predicting the picture itself from large patches while the loss stays on the velocity.

z_t = t x + (1 - t) e, with the picture x in [-1, 1], Gaussian noise e, and t from 0 (noise) to 1 (picture); the
velocity is v = x - e = (x - z_t) / (1 - t).
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto_ml.families.flowmini.config import TEXT_WIDTH, FlowMiniConfig
from impasto_ml.families.flowmini.layers import Attention, Block, embed_places, embed_time, start_at_zero

# Nearer to the picture the velocity of a predicted picture would be divided by next to nothing.
LEAST_TIME_LEFT = 0.05
LEAST_SPREAD = 0.1
_HEAD_CHANNELS = 8
# Styles that begin far apart are told apart from the first step on.
STYLE_SPREAD = 0.5


class Stage(nn.Module):
    """A block, and attention after it where the grid is coarse."""

    def __init__(self, inputs: int, outputs: int, embedding: int, *, attends: bool) -> None:
        super().__init__()
        self.block = Block(inputs, outputs, embedding)
        self.attention = Attention(outputs) if attends else None

    def forward(self, x: Tensor, e_BE: Tensor, words_BTD: Tensor, bias: Tensor) -> Tensor:
        x = self.block(x, e_BE)
        return x if self.attention is None else self.attention(x, words_BTD, bias)


class FlowMini(nn.Module):
    """Predicts the picture. Shapes as in `layers`; S = side of a picture, R = rows of the style table (styles + 1)."""

    words_mean: Tensor
    words_spread: Tensor

    def __init__(self, config: FlowMiniConfig) -> None:
        super().__init__()
        self.config = config
        fine, middle, coarse = config.widths
        self._embedding = width = coarse
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        # Row 0: no style asked for.
        self.styles = nn.Embedding(len(config.styles) + 1, width)
        self.meaning = nn.Linear(TEXT_WIDTH, width)
        self.no_words = nn.Parameter(torch.zeros(TEXT_WIDTH))
        # Buffers and no parameters: what words are like is known before learning and never learnt.
        self.register_buffer("words_mean", torch.zeros(TEXT_WIDTH))
        self.register_buffer("words_spread", torch.ones(TEXT_WIDTH))
        nn.init.normal_(self.styles.weight, std=STYLE_SPREAD)
        self.stem = nn.Conv2d(3 * config.patch**2, fine, 3, padding=1)
        # Attention does not see the borders as convolutions do: without these, words such as "left" are learnt late.
        self.places = nn.Parameter(embed_places(config.size_px // config.patch, fine))
        n = config.blocks
        self.down_fine = _stages([fine] * (n + 1), width, attends=False)
        self.down_middle = _stages([fine] + [middle] * n, width, attends=True)
        self.down_coarse = _stages([middle] + [coarse] * n, width, attends=True)
        self.up_middle = _stages([coarse + middle] + [middle] * n, width, attends=True)
        self.up_fine = _stages([middle + fine] + [fine] * n, width, attends=False)
        self.norm = nn.GroupNorm(8, fine)
        self.unfold = nn.Conv2d(fine, _HEAD_CHANNELS * config.patch**2, 3, padding=1)
        # A last look across the borders of the patches.
        self.head = nn.Conv2d(_HEAD_CHANNELS, 3, 3, padding=1)
        start_at_zero(self.head)

    def forward(self, z_B3SS: Tensor, t_B: Tensor, words_BTD: Tensor, keep_BT: Tensor, style_BR: Tensor) -> Tensor:
        """The predicted picture x, B x 3 x S x S.

        `keep_BT` is True at words and False at padding; a row without words is drawn from nothing said.
        `style_BR` are weights over the rows of the style table, each row summing to 1.
        """
        words, keep, meaning = self._words(words_BTD, keep_BT)
        e = F.silu(self.time(embed_time(t_B, self._embedding)) + style_BR @ self.styles.weight + self.meaning(meaning))
        grid = self.config.size_px // self.config.patch
        bias = _attention_bias(keep, places=(grid // 2) ** 2)
        fine = self.stem(F.pixel_unshuffle(z_B3SS, self.config.patch)) + self.places
        fine = _run(self.down_fine, fine, e, words, bias)
        middle = _run(self.down_middle, F.avg_pool2d(fine, 2), e, words, bias)
        coarse = _run(self.down_coarse, F.avg_pool2d(middle, 2), e, words, bias)
        middle = _run(self.up_middle, torch.cat([_twice(coarse), middle], 1), e, words, bias)
        fine = _run(self.up_fine, torch.cat([_twice(middle), fine], 1), e, words, bias)
        pixels = F.pixel_shuffle(self.unfold(F.silu(self.norm(fine))), self.config.patch)
        picture: Tensor = self.head(F.silu(pixels))
        return picture.float()

    def expect_words(self, mean_D: Tensor, spread_D: Tensor) -> None:
        """Tells a new network the mean and the standard deviation of the words that it will hear, each of 384 numbers.

        The encoder's vectors share most of what they are: without this, "left" and "right" are nearly the same.
        """
        self.words_mean.copy_(mean_D)
        self.words_spread.copy_(spread_D.clamp(min=LEAST_SPREAD))

    def _words(self, words_BTD: Tensor, keep_BT: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Words with one learnt token in front, so that every row has something to look at; and their mean."""
        first = self.no_words.expand(len(words_BTD), 1, -1)
        told_apart = (words_BTD - self.words_mean) / self.words_spread
        words = torch.cat([first, told_apart * keep_BT[..., None]], 1)
        keep = F.pad(keep_BT, (1, 0), value=True)
        return words, keep, words.sum(1) / keep.sum(1, keepdim=True)


def for_pictures(model: FlowMini, device: torch.device) -> FlowMini:
    """The same network on the device, laid out for pictures whose channels come last: faster convolutions."""
    model.to(device)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def velocity(x_hat: Tensor, z: Tensor, t_B: Tensor) -> Tensor:
    """The velocity that a predicted picture means at z."""
    left = (1 - t_B).clamp(min=LEAST_TIME_LEFT)[:, None, None, None]
    return (x_hat - z) / left


def _stages(widths: list[int], embedding: int, *, attends: bool) -> nn.ModuleList:
    return nn.ModuleList(Stage(*pair, embedding, attends=attends) for pair in itertools.pairwise(widths))


def _run(stages: nn.ModuleList, x: Tensor, e: Tensor, words: Tensor, bias: Tensor) -> Tensor:
    for stage in stages:
        x = stage(x, e, words, bias)
    return x


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _attention_bias(keep_BT: Tensor, places: int) -> Tensor:
    """B x 1 x 1 x (places + T): 0 at every place and word, -inf at padding. Coarser grids take the last columns."""
    allowed = F.pad(keep_BT, (places, 0), value=True)
    bias = torch.zeros(allowed.shape, device=keep_BT.device).masked_fill(~allowed, -torch.inf)
    return bias[:, None, None, :]
