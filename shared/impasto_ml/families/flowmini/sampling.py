"""Euler's method along the flow, one step for many pictures that may each be at a time of their own.

Shapes as in `model`: B pictures, S their side, T tokens, R rows of styles.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto_ml.families.flowmini.model import FlowMini
from impasto_ml.precision import mixed

_NO_TIME = 1e-6


@dataclass(frozen=True, slots=True)
class Condition:
    """What is asked of each picture: `words` B x T x 384, `keep` B x T, `style` B x R."""

    words: Tensor
    keep: Tensor
    style: Tensor

    @classmethod
    def stacked(cls, conditions: list[Condition]) -> Condition:
        """Several conditions as one, padded to the longest."""
        longest = max(condition.keep.shape[1] for condition in conditions)
        words, keep = [], []
        for condition in conditions:
            missing = longest - condition.keep.shape[1]
            words.append(torch.nn.functional.pad(condition.words, (0, 0, 0, missing)))
            keep.append(torch.nn.functional.pad(condition.keep, (0, missing)))
        return cls(torch.cat(words), torch.cat(keep), torch.cat([condition.style for condition in conditions]))

    def of(self, rows: Tensor) -> Condition:
        """What is asked of these rows alone."""
        return Condition(self.words[rows], self.keep[rows], self.style[rows])

    def in_no_style(self) -> Condition:
        """The same words, in whatever style."""
        style = torch.zeros_like(self.style)
        style[:, 0] = 1
        return Condition(self.words, self.keep, style)

    def nothing_asked(self) -> Condition:
        """The same number of pictures of anything."""
        return Condition(self.words, torch.zeros_like(self.keep), self.in_no_style().style)


def schedule(steps: int, start: float = 0.0) -> list[float]:
    """The times of `steps` steps, evenly from `start` to 1, both ends included: steps + 1 numbers."""
    return [start + (1 - start) * step / steps for step in range(steps + 1)]


@torch.inference_mode()
def denoise_step(
    model: FlowMini,
    z_B3SS: Tensor,
    t_B: Tensor,
    next_B: Tensor,
    condition: Condition,
    guidance_B: Tensor,
    style_guidance_B: Tensor,
) -> tuple[Tensor, Tensor]:
    """Moves every picture from its time `t` to its `next`; gives the new z and the picture predicted on the way.

    Classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598) in two stages (Brooks et al. 2023, arXiv 2211.09800,
    section 3.2): x = x0 + g (xw - x0) + s (xs - xw), where x0 is predicted with nothing asked, xw from the words alone
    and xs from words and style. Of each picture only those are computed that count: one where g = s = 1, two where
    g = s.
    """
    x_hat = _predicted(model, z_B3SS, t_B, condition, guidance_B, style_guidance_B)
    # The whole velocity, unlike in training: the last step ends at the predicted picture, and no noise is left.
    share = (next_B - t_B) / (1 - t_B).clamp(min=_NO_TIME)
    return z_B3SS + share[:, None, None, None] * (x_hat - z_B3SS), x_hat


def _predicted(
    model: FlowMini, z_B3SS: Tensor, t_B: Tensor, condition: Condition, guidance_B: Tensor, style_guidance_B: Tensor
) -> Tensor:
    """The weighted sum of the three predictions, in one pass through the network."""
    branches = (condition, condition.in_no_style(), condition.nothing_asked())
    weights = (style_guidance_B, guidance_B - style_guidance_B, 1 - guidance_B)
    rows = [weight.nonzero()[:, 0] for weight in weights]
    asked = Condition.stacked([branch.of(some) for branch, some in zip(branches, rows, strict=True)])
    which = torch.cat(rows)
    weight = torch.cat([weight[some] for weight, some in zip(weights, rows, strict=True)])
    # Indexing forgets how the channels lie in memory.
    z = z_B3SS[which].to(memory_format=torch.channels_last)
    with mixed(z_B3SS.device):
        predicted = model(z, t_B[which], asked.words, asked.keep, asked.style)
    total = torch.zeros_like(z_B3SS, dtype=predicted.dtype)
    return total.index_add_(0, which, weight[:, None, None, None] * predicted)
