"""Training: it learns hands, repeats with a seed, can be stopped, and looks at no validation picture."""

from pathlib import Path

import numpy as np
import pytest
import torch

from impasto_ml.data.split import split_of
from impasto_ml.encoders.layout import COLOUR
from impasto_ml.evaluation.measures import auroc, expected_calibration_error
from impasto_ml.families.style_classifier import StyleClassifier
from impasto_ml.training.calibration import fit_temperature
from impasto_ml.training.feature_table import collect
from impasto_ml.training.style_classifier import TrainingOptions, TrainingProgress, train

from .style_samples import HANDS, STRANGER, feature_samples

SUBJECTS = [f"subject-{n}" for n in range(240)]
LEARNT = [s for s in SUBJECTS if split_of(s, 1, 0.3) == "train"]
HELD_OUT = [s for s in SUBJECTS if split_of(s, 1, 0.3) == "validation"]
QUICK = TrainingOptions(flavor="tiny", steps=150)


def _train(folder: Path, options: TrainingOptions = QUICK, views: int = 1) -> StyleClassifier:
    table = collect(feature_samples(LEARNT, views=views), folder)
    classifier = [*train(table, options)][-1].classifier
    assert classifier is not None
    return classifier


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> StyleClassifier:
    torch.set_num_threads(1)
    return _train(tmp_path_factory.mktemp("scratch"))


def _vectors(hands: tuple[str, ...]) -> np.ndarray:
    return np.stack([s.features for s in feature_samples(HELD_OUT, hands)])


def test_hands_are_told_apart_on_subjects_never_seen(classifier: StyleClassifier) -> None:
    truth = np.tile(np.arange(3), len(HELD_OUT))
    answer = classifier.classify(_vectors(HANDS))
    assert classifier.config.styles == tuple(sorted(HANDS))
    assert (answer.best == truth).mean() > 0.95
    assert expected_calibration_error(answer.probabilities.max(1), answer.best == truth) < 0.06
    assert np.allclose(answer.probabilities.sum(1), 1, atol=1e-5)


def test_colour_alone_does_not_tell_hands_that_share_their_colours(classifier: StyleClassifier) -> None:
    truth = np.tile(np.arange(3), len(HELD_OUT))
    assert (classifier.classify_by_colour(_vectors(HANDS)) == truth).mean() < 0.5


def test_the_head_does_not_look_at_colour(classifier: StyleClassifier) -> None:
    vectors = _vectors(HANDS)
    recoloured = vectors.copy()
    recoloured[:, COLOUR] = 0
    before, after = classifier.classify(vectors), classifier.classify(recoloured)
    assert np.array_equal(before.probabilities, after.probabilities)


def test_a_hand_never_seen_is_less_familiar(classifier: StyleClassifier) -> None:
    known, strange = classifier.classify(_vectors(HANDS)), classifier.classify(_vectors((STRANGER,)))
    assert auroc(known.familiarity, strange.familiarity) > 0.75
    assert known.known.mean() > 0.8
    assert strange.known.mean() < known.known.mean()


def test_a_seed_gives_the_same_weights_whatever_else_draws_chance(tmp_path: Path) -> None:
    first = _train(tmp_path / "a")
    torch.rand(17)
    np.random.default_rng().random(3)
    second = _train(tmp_path / "b")
    other = _train(tmp_path / "c", TrainingOptions(flavor="tiny", steps=150, seed=5))
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )
    assert not torch.equal(first.head[0].weight, other.head[0].weight)


def test_progress_falls_and_the_last_report_carries_the_classifier(tmp_path: Path) -> None:
    reports = [*train(collect(feature_samples(LEARNT), tmp_path), QUICK)]
    assert [r.step for r in reports[:-1]] == [20, 40, 60, 80, 100, 120, 140, 150]
    assert reports[-2].loss < 0.5 * reports[0].loss
    assert all(r.classifier is None for r in reports[:-1])
    assert reports[-1].classifier is not None
    assert reports[-1].calibration_pictures > 20


def test_training_stops_when_nobody_asks_for_more(tmp_path: Path) -> None:
    run = train(collect(feature_samples(LEARNT), tmp_path), TrainingOptions(flavor="tiny", steps=10**6))
    assert isinstance(next(run), TrainingProgress)
    run.close()
    assert list(run) == []


def test_augmented_views_are_learnt_from(tmp_path: Path) -> None:
    several = _train(tmp_path / "several", views=3)
    assert (several.classify(_vectors(HANDS)).best == np.tile(np.arange(3), len(HELD_OUT))).mean() > 0.95


def test_few_pictures_train_without_calibration(tmp_path: Path) -> None:
    table = collect(feature_samples(["a", "b"], HANDS[:2]), tmp_path)
    last = [*train(table, TrainingOptions(flavor="tiny", steps=20))][-1]
    assert last.calibration_pictures == 0
    assert last.classifier is not None
    assert last.classifier.classify(_vectors(HANDS)).known.all()


def test_what_cannot_be_learnt_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two different styles"):
        next(train(collect(feature_samples(["a"], ("bold",)), tmp_path), QUICK))
    with pytest.raises(ValueError, match="nothing to learn"):
        collect([], tmp_path)
    mixed = [*feature_samples(["a"], views=2), *feature_samples(["b"], views=3)]
    with pytest.raises(ValueError, match="views"):
        collect(mixed, tmp_path)
    with pytest.raises(ValueError, match="flavor"):
        TrainingOptions(flavor="huge")


def test_a_boastful_head_is_cooled_and_a_shy_one_heated() -> None:
    logits = torch.randn(4000, 4, generator=torch.Generator().manual_seed(0)) * 2
    truth = torch.multinomial(logits.softmax(1), 1, generator=torch.Generator().manual_seed(1))[:, 0]
    assert fit_temperature(logits, truth) == pytest.approx(1, abs=0.08)
    assert fit_temperature(logits * 3, truth) == pytest.approx(3, abs=0.25)
    assert fit_temperature(logits / 2, truth) == pytest.approx(0.5, abs=0.05)
