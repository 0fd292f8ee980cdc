"""How trainings get on, as Prometheus reads it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from impasto.jobs import Progress
from impasto.testing.processes import eventually, free_port
from impasto.testing.stacks import Stack
from impasto_train.figures import Trainings, Underway
from tests.hands import prepared, upload_hands
from tests.train.test_text_to_image import params_for

_KIND = "train.text_to_image"


class Watched:
    """A training that is told of by hand, with a clock that goes when it is told to."""

    def __init__(self, keeps_every: int | None = 10) -> None:
        self.now = 500.0
        self.underway = Underway(_KIND, keeps_every, clock=lambda: self.now)

    def step(self, step: int | None, after_s: float = 0.0) -> None:
        self.now += after_s
        self.underway.told(Progress(step=step))


def _steps() -> float:
    return REGISTRY.get_sample_value("impasto_train_steps_total", {"kind": _KIND}) or 0.0


def test_steps_are_counted_once_and_those_of_an_earlier_attempt_not_at_all() -> None:
    before, watched = _steps(), Watched()
    for step in (None, 71, 72, 72, 75, None):
        watched.step(step)
    assert _steps() - before == 5


def test_the_age_is_that_of_the_newest_state_and_the_pace_that_of_the_steps() -> None:
    watched = Watched(keeps_every=10)
    assert watched.underway.ages() is None
    watched.step(71)
    assert watched.underway.ages() is None, "one step is no pace"
    watched.step(72, after_s=2)
    assert watched.underway.ages() == (2, 20)
    watched.step(75, after_s=6)
    watched.underway.kept()
    watched.now += 3
    assert watched.underway.ages() == (3, 20)
    watched.now += 1000
    assert watched.underway.ages() == (1003, 20), "a training that hangs is not a slow one"


def test_one_that_keeps_no_state_has_no_age() -> None:
    watched = Watched(keeps_every=None)
    watched.step(1)
    watched.step(2, after_s=1)
    assert watched.underway.ages() is None


def test_of_several_the_most_overdue_is_told_and_none_once_they_have_ended() -> None:
    registry, trainings = CollectorRegistry(), Trainings()
    registry.register(trainings)

    def told() -> list[float | None]:
        names = ("impasto_checkpoint_age_seconds", "impasto_checkpoint_interval_seconds")
        return [registry.get_sample_value(name, {"kind": _KIND}) for name in names]

    with trainings.watched(_KIND, 10) as late, trainings.watched(_KIND, 1000) as early, trainings.watched("other"):
        clock = [0.0]
        late._clock = early._clock = lambda: clock[0]
        for underway in (early, late):
            underway.told(Progress(step=1))
        clock[0] = 2.0
        for underway in (late, early):
            underway.told(Progress(step=2))
        clock[0] = 100.0
        assert told() == [100, 20]
    assert told() == [None, None]


@pytest.mark.timeout(300)
def test_a_training_on_a_worker_counts_its_steps_and_tells_the_age_of_its_state(
    stack: Stack, models_folder: Path, tmp_path: Path
) -> None:
    stack.environment["IMPASTO_MODELS"] = str(models_folder)
    stack.start_gateway()
    stack.start_ingestion()
    port = free_port()
    stack.start_worker("w", ["preprocess", "train"], slots=1, IMPASTO_METRICS_PORT=str(port))
    upload_hands(stack, tmp_path)
    version = stack.client().run(prepared(caption={"tags": False})).dataset_version

    def scraped() -> dict[str, float]:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        families = text_string_to_metric_families(text)
        return {each.name: each.value for f in families for each in f.samples if each.labels.get("kind") == _KIND}

    assert scraped()["impasto_train_steps_total"] == 0
    job = stack.client().submit(params_for(version, steps=100_000, checkpoint_every=20, sample_every=100_000))
    eventually(lambda: "impasto_checkpoint_age_seconds" in scraped(), "it is under way", 120)
    eventually(lambda: scraped()["impasto_train_steps_total"] > 40, "it has kept a state", 120)
    found = scraped()
    assert 0 < found["impasto_checkpoint_interval_seconds"] < 60
    assert found["impasto_checkpoint_age_seconds"] < 60
    job.cancel()
    eventually(lambda: "impasto_checkpoint_age_seconds" not in scraped(), "it has ended", 30)
