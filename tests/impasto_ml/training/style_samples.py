"""Three made hands that draw the same subjects: their statistics differ, their subjects do not."""

from collections.abc import Iterator, Sequence

import numpy as np

from impasto_ml.data.shards import Sample
from impasto_ml.encoders.layout import COLOUR, STYLE, VECTOR_FEATURES

HANDS = ("bold", "fine", "soft")
STRANGER = "stranger"


def feature_samples(
    subjects: Sequence[str], hands: Sequence[str] = HANDS, views: int = 1, distance: float = 1.0
) -> Iterator[Sample]:
    """Samples whose style statistics are a hand's own pattern plus the subject's plus noise; colour is pure noise."""
    for subject in subjects:
        for hand in hands:
            random = np.random.default_rng([len(subject), *subject.encode(), *hand.encode()])
            rows = np.abs(random.normal(1.0, 0.3, (views, VECTOR_FEATURES)))
            rows[:, STYLE] += distance * _pattern(hand) + 0.5 * _pattern(subject)
            rows[:, COLOUR] = random.random((views, COLOUR.stop - COLOUR.start))
            features = rows.astype(np.float16)
            record = {"style": hand, "subject": subject}
            yield Sample(f"{subject}_{hand}", b"", "png", record, features[0] if views == 1 else features)


def _pattern(name: str) -> np.ndarray:
    # A hand shows in few statistics, so that neither learning nor telling strangers is trivial.
    random = np.random.default_rng([7, *name.encode()])
    mask = random.random(STYLE.stop - STYLE.start) < 0.1
    return mask * random.normal(0.0, 0.5, STYLE.stop - STYLE.start)
