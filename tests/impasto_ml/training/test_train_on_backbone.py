"""Learning on the features of a backbone: any width, the same way, the same weights for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from impasto_ml.data.shards import Sample
from impasto_ml.encoders.backbone_identity import BackboneIdentity, Preprocessing
from impasto_ml.encoders.layout import COLOUR_FEATURES, backbone_layout
from impasto_ml.families.style_classifier import StyleClassifier
from impasto_ml.training.feature_table import collect
from impasto_ml.training.style_classifier import TrainingOptions, train

WIDTH = 20
STEPS = Preprocessing(32, 32, None, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
IDENTITY = BackboneIdentity("tiny", "ab" * 32, "vit", WIDTH, STEPS)


def samples(count: int = 240) -> Iterator[Sample]:
    """Two hands that lie apart in the features and say nothing in the colours."""
    draw = np.random.default_rng(0)
    for n in range(count):
        hand = ("bold", "fine")[n % 2]
        row = draw.normal(n % 2, 0.6, WIDTH + COLOUR_FEATURES)
        row[WIDTH:] = draw.normal(0, 1, COLOUR_FEATURES)
        yield Sample(f"{n:04d}", b"", "png", {"style": hand, "subject": f"s{n // 2}"}, row.astype(np.float16))


def learnt(folder: Path, seed: int = 0) -> StyleClassifier:
    table = collect(samples(), folder, backbone_layout(WIDTH))
    assert table.rows.shape == (240, 1, WIDTH + COLOUR_FEATURES)
    last = list(train(table, TrainingOptions("tiny", seed=seed, steps=60), backbone=IDENTITY))[-1]
    assert last.classifier is not None
    return last.classifier


def test_a_head_learns_what_the_features_tell_and_colour_does_not(tmp_path: Path) -> None:
    model = learnt(tmp_path)
    assert model.config.backbone == IDENTITY
    rows = np.stack([s.features for s in samples() if s.features is not None])
    truth = np.arange(240) % 2
    assert (model.classify(rows).best == truth).mean() > 0.95
    assert np.isfinite(model.threshold.item())


def test_the_same_seed_gives_the_same_head(tmp_path: Path) -> None:
    one, again, other = (learnt(tmp_path, seed).head[0].weight.numpy() for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_features_of_another_width_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected 91 finite features"):
        collect(samples(4), tmp_path, backbone_layout(WIDTH + 1))
