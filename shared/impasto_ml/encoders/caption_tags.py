"""Tags of a caption from a small declared vocabulary, scored by meaning rather than by matching words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .text import TextEncoder

# Facet -> (tag, the phrase that stands for it in the encoder's space). Growth is deliberate: a test holds the count.
VOCABULARY: Mapping[str, tuple[str, ...]] = {
    "subject": (
        "portrait", "person", "crowd", "animal", "bird", "fish", "insect", "flower", "tree", "forest", "landscape",
        "mountain", "sea", "river", "sky", "city", "building", "interior", "food", "drink", "vehicle", "ship",
        "tool", "clothing", "sport", "music", "weather", "heart", "face", "hand", "flag", "number", "symbol",
        "still life", "mythology", "battle",
    ),
    "mood": (
        "joyful", "calm", "melancholy", "dramatic", "romantic", "dark", "playful", "mysterious", "angry", "dreamlike",
    ),
    "medium": (
        "oil painting", "watercolour", "drawing", "engraving", "photograph", "sculpture", "digital art", "icon",
        "collage", "ink", "pastel", "fresco", "textile", "pixel art",
    ),
    "colour": (
        "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey", "gold",
        "colourful", "monochrome",
    ),
    "time": ("morning", "night", "sunset", "spring", "summer", "autumn", "winter"),
}  # fmt: skip

_PHRASES = {
    "subject": "a picture of {}",
    "mood": "a {} mood",
    "medium": "made as {}",
    "colour": "the colour {}",
    "time": "at {}",
}


_SHARE_OF_BEST = 0.75


@dataclass(frozen=True)
class CaptionTag:
    """`score` is the cosine similarity of caption and tag, in [-1, 1]."""

    facet: str
    name: str
    score: float


class CaptionTagger:
    """Holds the vocabulary's vectors so that a caption costs one encoding and one small matrix product."""

    def __init__(self, encoder: TextEncoder, vocabulary: Mapping[str, Sequence[str]] = VOCABULARY) -> None:
        self._encoder = encoder
        self._entries = [(facet, name) for facet, names in vocabulary.items() for name in names]
        bare = encoder.encode([name for _, name in self._entries])
        framed = encoder.encode([_PHRASES.get(facet, "{}").format(name) for facet, name in self._entries])
        # The bare word matches short captions, the framed one settles its sense ("orange" the colour).
        both = bare + framed
        self._vectors: NDArray[np.float32] = both / np.linalg.norm(both, axis=1, keepdims=True)

    def tags(self, captions: Sequence[str], least: float = 0.4, most: int = 5) -> list[tuple[CaptionTag, ...]]:
        """Per caption at most `most` tags, best first, each at least `least` and at least 3/4 of the best one's score.

        The second bound is what keeps "red heart" from being tagged green: colours lie close to one another.
        """
        if not captions:
            return []
        scores_NT = self._encoder.encode(captions) @ self._vectors.T
        return [self._chosen(scores, max(least, _SHARE_OF_BEST * float(scores.max())), most) for scores in scores_NT]

    def _chosen(self, scores: NDArray[np.float32], least: float, most: int) -> tuple[CaptionTag, ...]:
        order = np.argsort(-scores, kind="stable")[:most]
        return tuple(
            CaptionTag(self._entries[i][0], self._entries[i][1], float(scores[i])) for i in order if scores[i] >= least
        )


def caption_tags(encoder: TextEncoder, captions: Sequence[str]) -> list[tuple[CaptionTag, ...]]:
    """Tags of a few captions in one call; keep a CaptionTagger where there are many."""
    return CaptionTagger(encoder).tags(captions)
