"""Euler's method along the flow, one step for many pictures that may each be at a time of their own.

Shapes as in `model`: B pictures, S their side, T tokens, R rows of styles.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto_ml.families.flowmini.model import FlowMini

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

    def nothing_asked(self) -> Condition:
        """The same number of pictures of anything."""
        style = torch.zeros_like(self.style)
        style[:, 0] = 1
        return Condition(self.words, torch.zeros_like(self.keep), style)


def schedule(steps: int, start: float = 0.0) -> list[float]:
    """The times of `steps` steps, evenly from `start` to 1, both ends included: steps + 1 numbers."""
    return [start + (1 - start) * step / steps for step in range(steps + 1)]


@torch.inference_mode()
def denoise_step(
    model: FlowMini, z_B3SS: Tensor, t_B: Tensor, next_B: Tensor, condition: Condition, guidance_B: Tensor
) -> tuple[Tensor, Tensor]:
    """Moves every picture from its time `t` to its `next`; gives the new z and the picture predicted on the way.

    Classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598): v = v0 + g (v1 - v0), where v0 is the velocity with
    nothing asked. Where no picture is guided (g = 1 for all), v0 is not computed.
    """
    guided = bool((guidance_B != 1).any())
    asked = Condition.stacked([condition, condition.nothing_asked()]) if guided else condition
    copies = 2 if guided else 1
    with torch.autocast(z_B3SS.device.type, torch.bfloat16):
        x_hat = model(z_B3SS.repeat(copies, 1, 1, 1), t_B.repeat(copies), asked.words, asked.keep, asked.style)
    if guided:
        with_words, without = x_hat.chunk(2)
        x_hat = without + guidance_B[:, None, None, None] * (with_words - without)
    # The whole velocity, unlike in training: the last step ends at the predicted picture, and no noise is left.
    share = (next_B - t_B) / (1 - t_B).clamp(min=_NO_TIME)
    return z_B3SS + share[:, None, None, None] * (x_hat - z_B3SS), x_hat
