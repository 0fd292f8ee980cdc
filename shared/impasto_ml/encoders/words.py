"""Texts as one vector a token, for networks that look at single words and not only at what a sentence is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impasto_ml.encoders.text import TextEncoder


@dataclass(frozen=True, slots=True)
class Words:
    """`vectors` N x T x 384, zero at padding; `counts` N, how many tokens of each row are real."""

    vectors: NDArray[np.float32]
    counts: NDArray[np.int64]

    @property
    def keep(self) -> NDArray[np.bool_]:
        """N x T: True at real tokens."""
        kept: NDArray[np.bool_] = np.arange(self.vectors.shape[1])[None] < self.counts[:, None]
        return kept


def words_of(encoder: TextEncoder, texts: Sequence[str], limit: int) -> Words:
    """The vectors of the first `limit` tokens of each text, without the marks at its start and end.

    An empty text has no tokens. What does not fit is left out.
    """
    captions = [encoder.tokenise(text, limit + 2) for text in texts]
    counts = np.array([len(caption.ids) - 2 for caption in captions], np.int64)
    hidden = encoder.hidden([caption.ids for caption in captions])
    longest = max(1, int(counts.max(initial=0)))
    vectors = np.zeros((len(texts), longest, hidden.shape[2]), np.float32)
    for row, count in enumerate(counts):
        vectors[row, :count] = hidden[row, 1 : count + 1]
    return Words(vectors, counts)
