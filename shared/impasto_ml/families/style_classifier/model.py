"""The style classifier: a small head on frozen style statistics, a temperature, and a score for "none of these".

Shapes: N pictures, V numbers a vector, S of them learnt from (608 style statistics, or all features of a backbone),
H hidden units, M neighbours in the bank, K styles.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from impasto_ml.encoders.layout import COLOUR_FEATURES

from .config import StyleClassifierConfig

NEIGHBOUR = 5
_CLIP = 6.0
_LOGIT_BOUND = 20.0
_CHUNK = 512
# Nearer than this is the rounding of the bank, which is kept in half precision.
_LEAST_DISTANCE = 1e-3


@dataclass(frozen=True)
class StylePrediction:
    """`probabilities` N x K, calibrated. `familiarity` N: higher is more like the training pictures.

    `known` N: whether familiarity reaches the stored threshold; where it does not, the answer is "none of these".
    """

    styles: tuple[str, ...]
    probabilities: NDArray[np.float32]
    familiarity: NDArray[np.float32]
    known: NDArray[np.bool_]

    @property
    def best(self) -> NDArray[np.intp]:
        best: NDArray[np.intp] = self.probabilities.argmax(axis=1)
        return best


class Standardise(nn.Module):
    """(x - mean) / deviation, bounded so that a strange picture cannot drive the head arbitrarily far."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return ((x - self.mean) / self.deviation).clamp(-_CLIP, _CLIP)


class StyleClassifier(nn.Module):
    """Built empty from a config; training fills it, `load_checkpoint` restores it."""

    temperature: Tensor
    bank: Tensor
    score_mean: Tensor
    score_deviation: Tensor
    threshold: Tensor

    def __init__(self, config: StyleClassifierConfig, bank_size: int = 0) -> None:
        super().__init__()
        self.config = config
        classes = len(config.styles)
        self.layout = config.layout
        self.standardise = Standardise(self.layout.learnt_width)
        self.head = nn.Sequential(
            nn.Linear(self.layout.learnt_width, config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, classes),
        )
        # The yardstick that every report prints beside the head: what colour alone would have said.
        self.colour_standardise = Standardise(COLOUR_FEATURES)
        self.colour_head = nn.Linear(COLOUR_FEATURES, classes)
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("bank", torch.zeros(bank_size, config.hidden, dtype=torch.float16))
        self.register_buffer("score_mean", torch.zeros(2))
        self.register_buffer("score_deviation", torch.ones(2))
        self.register_buffer("threshold", torch.tensor(-torch.inf))

    def forward(self, standardised_NS: Tensor) -> Tensor:
        """Logits N x K before the temperature."""
        logits: Tensor = self.head(standardised_NS)
        return logits

    def hidden(self, standardised_NS: Tensor) -> Tensor:
        """Activations N x H of the hidden layer without dropout, each of length one: where neighbours are sought."""
        return F.normalize(self.head[1](self.head[0](standardised_NS)), dim=1)

    def evidence(self, standardised_NS: Tensor) -> Tensor:
        """N x 2, higher is more familiar: log-odds of the best style, and minus the log distance to the neighbours.

        The distance is Euclidean, 0 to 2, to the fifth nearest of the bank. The head is unsure of hands between two
        that it knows; the neighbours are far for hands unlike all of them.
        """
        best = (self(standardised_NS) / self.temperature).softmax(-1).amax(-1)
        odds = torch.logit(best.double(), eps=1e-9).clamp(-_LOGIT_BOUND, _LOGIT_BOUND).float()
        distance = torch.cdist(self.hidden(standardised_NS), self.bank.float())
        nearest = distance.topk(min(NEIGHBOUR, len(self.bank)), largest=False).values[:, -1]
        return torch.stack([odds, -nearest.clamp(min=_LEAST_DISTANCE).log()], dim=1)

    def familiarity(self, standardised_NS: Tensor) -> Tensor:
        """N: the sum of both kinds of evidence, each in deviations from its mean on pictures of known hands."""
        return ((self.evidence(standardised_NS) - self.score_mean) / self.score_deviation).sum(1)

    @torch.inference_mode()
    def classify(self, vectors: NDArray[np.floating[Any]]) -> StylePrediction:
        """`vectors`: N x V as the encoder's `vectors()` gives them. Raises ValueError for another width."""
        self._check(vectors)
        probabilities, familiarity = [], []
        for start in range(0, len(vectors), _CHUNK):
            x = self._standardised(vectors[start : start + _CHUNK])
            probabilities.append((self(x) / self.temperature).softmax(-1).cpu().numpy())
            familiarity.append(self.familiarity(x).cpu().numpy())
        classes = len(self.config.styles)
        familiar = np.concatenate(familiarity) if familiarity else np.empty(0, np.float32)
        table = np.concatenate(probabilities) if probabilities else np.empty((0, classes), np.float32)
        return StylePrediction(self.config.styles, table, familiar, familiar >= self.threshold.item())

    @torch.inference_mode()
    def classify_by_colour(self, vectors: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
        """N: the index of the style that colour alone suggests."""
        self._check(vectors)
        colour = torch.from_numpy(np.asarray(vectors[:, self.layout.colour], dtype=np.float32)).to(
            self.temperature.device
        )
        best: NDArray[np.intp] = self.colour_head(self.colour_standardise(colour)).argmax(1).cpu().numpy()
        return best

    def _standardised(self, vectors: NDArray[np.floating[Any]]) -> Tensor:
        style = torch.from_numpy(np.asarray(vectors[:, self.layout.learnt], dtype=np.float32))
        result: Tensor = self.standardise(style.to(self.temperature.device))
        return result

    def _check(self, vectors: NDArray[np.floating[Any]]) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != self.layout.width:
            raise ValueError(f"expected N x {self.layout.width} features, got {vectors.shape}")
