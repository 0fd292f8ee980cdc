"""Makes pictures of nobody's hand out of known ones, so that the head learns to be unsure of what it never met.

A hand shows in statistics that belong together. Crossing two pictures of different hands gives one whose every part is
familiar and whose whole is not: the head must be sure of the combination, not of a few tell-tale channels. Teaching
it to be unsure of such pictures is outlier exposure (Hendrycks, Mazeika & Dietterich 2019, arXiv 1812.04606,
section 3), with outliers made from the training set instead of collected.

Shapes: B pictures in the batch, S = 608 style statistics or the features of a backbone, O strangers, K styles.
"""

import numpy as np
import torch
from torch import Tensor

from impasto_ml.encoders.layout import STYLE_CHANNELS, STYLE_FEATURES

# Twelve blocks, in the order of the statistics: the means of a layer's channels, then their deviations.
_BLOCKS = 2 * len(STYLE_CHANNELS)
_BLOCK_OF = np.repeat(np.arange(_BLOCKS), np.repeat(STYLE_CHANNELS, 2))


def made_strangers(standardised_BS: Tensor, truth_B: Tensor, draw: np.random.Generator) -> Tensor:
    """O x S: each picture is crossed with the one before it, in two ways, where their hands differ.

    Once every statistic comes from either with probability 1/2, once every block does; a backbone's features have no
    blocks and are crossed one by one only. The batch must be in random order. O is 0 where no two neighbours differ.
    """
    differ = truth_B != truth_B.roll(1)
    one, other = standardised_BS[differ], standardised_BS.roll(1, dims=0)[differ]
    single = draw.integers(2, size=tuple(one.shape), dtype=np.bool_)
    masks = [single]
    if one.shape[1] == STYLE_FEATURES:
        masks.append(draw.integers(2, size=(len(one), _BLOCKS), dtype=np.bool_)[:, _BLOCK_OF])
    return torch.cat([torch.where(torch.from_numpy(mask).to(one.device), one, other) for mask in masks])


def certainty_loss(logits_OK: Tensor) -> Tensor:
    """Cross-entropy against the uniform distribution over styles, in nats: log K at least. 0 without strangers.

    It is the loss on outliers that the paper above takes for classifiers (section 4.3).
    """
    if not len(logits_OK):
        return logits_OK.sum()
    return -logits_OK.log_softmax(-1).mean()
