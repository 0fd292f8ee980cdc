"""The clients on a real platform: real servers, gateway, ingestion, reconciler and workers."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from impasto_test_kinds import Stamp
from PIL import Image

from impasto import AsyncClient, Client
from impasto.errors import Conflict, InvalidInput, JobFailed, NotFound
from impasto.jobs import JobEvent, Progress
from impasto.kinds.generate_stylise import Stylise
from impasto.styles import StyleMix
from impasto.testing.stacks import Stack


@pytest.fixture
def client(platform: Stack) -> Client:
    return Client(platform.url, platform.api_key)


def _gate(folder: Path) -> Path:
    gate = folder / "gate"
    gate.touch()
    return gate


def _pictures(folder: Path, *colours: str) -> Path:
    folder.mkdir(exist_ok=True)
    for colour in colours:
        # A pixel of chance: the platform is shared, and the same picture twice is one artwork.
        picture = Image.new("RGB", (40, 30), colour)
        picture.putpixel((0, 0), tuple(os.urandom(3)))
        picture.save(folder / f"{colour}.png")
    return folder


def test_a_job_runs_to_its_typed_result_and_its_artifact_is_checked(client: Client, tmp_path: Path) -> None:
    told: list[Progress] = []
    result = client.run(Stamp(text="hello"), on_progress=told.append)
    assert client.artifacts.read(result.artifact.sha256) == b"HELLO"
    path = client.artifacts.download(f"sha256:{result.artifact.sha256}", tmp_path / "out.json")
    assert path.read_text() == "HELLO"


def test_events_of_a_finished_job_can_be_read_again_from_any_number(client: Client) -> None:
    job = client.submit(Stamp(text="again"))
    job.wait()
    events = [event for event in job.events() if isinstance(event, JobEvent)]
    assert [event.type for event in events] == ["job.queued", "job.started", "job.succeeded"]
    assert [event for event in job.events(after=events[1].number) if isinstance(event, JobEvent)] == events[2:]


def test_all_events_are_followed_and_listed_with_either_client(platform: Stack) -> None:
    client = Client(platform.url, platform.key("followed"))
    begun = [event.position for event in client.events("0", follow=False)][-1:] or ["0"]
    job = client.submit(Stamp(text="followed"))
    stream = client.events(begun[0])
    followed = [next(stream) for _ in range(3)]
    assert [event.type for event in followed] == ["job.queued", "job.started", "job.succeeded"]
    assert {(event.job_id, event.kind) for event in followed} == {(job.id, "test.stamp")}
    assert list(client.events(begun[0], follow=False)) == followed
    assert list(client.events(begun[0], follow=False, types=["job.started"])) == followed[1:2]
    with pytest.raises(InvalidInput):
        next(client.events("soon"))

    async def read() -> list[object]:
        async with AsyncClient(platform.url, platform.key("followed")) as asynchronous:
            listed = [event async for event in asynchronous.events(begun[0], follow=False, kinds=["test.stamp"])]
            stream = asynchronous.events(begun[0])
            return [listed, [await anext(stream) for _ in range(3)], await asynchronous.jobs.log(job.id)]

    assert asyncio.run(read())[:2] == [followed, followed]


def test_a_job_that_requires_a_worker_and_its_estimate(platform: Stack, client: Client) -> None:
    job = client.submit(Stamp(text="x"), require_worker=True)
    job.wait()
    # It has ended: there is no place to tell.
    assert client.jobs.get(job.id, estimate=True).queue is None


def test_the_same_idempotency_key_gives_the_same_job(client: Client) -> None:
    key = os.urandom(8).hex()
    first = client.submit(Stamp(text="once"), idempotency_key=key)
    assert client.submit(Stamp(text="once"), idempotency_key=key).id == first.id
    with pytest.raises(InvalidInput) as raised:
        client.submit(Stamp(text="other"), idempotency_key=key)
    assert raised.value.code == "idempotency_mismatch"


def test_many_jobs_are_submitted_together_with_either_client(platform: Stack, client: Client) -> None:
    async def submit() -> list[bytes]:
        async with AsyncClient(platform.url, platform.api_key) as asynchronous:
            jobs = await asynchronous.submit_all([Stamp(text="c"), (Stamp(text="d"), {"priority": 2})])
            results = [await job.wait(timeout=60) for job in jobs]
            return [await asynchronous.artifacts.read(result.artifact.sha256) for result in results]

    jobs = client.submit_all([Stamp(text="a"), Stamp(text="b")], deadline_s=100)
    assert all(job.record.finish_by for job in jobs)
    assert [client.artifacts.read(job.wait(timeout=60).artifact.sha256) for job in jobs] == [b"A", b"B"]
    assert asyncio.run(submit()) == [b"C", b"D"]


def test_waiting_no_longer_than_asked_leaves_the_job_to_go_on(client: Client, tmp_path: Path) -> None:
    gate = _gate(tmp_path)
    job = client.submit(Stamp(text="slow", gate=str(gate), pause_at="compute"))
    with pytest.raises(TimeoutError):
        job.wait(timeout=1.0)
    gate.unlink()
    assert job.wait(timeout=30).artifact.size_bytes == 4


def test_a_canceled_job_raises_and_cannot_be_canceled_again(client: Client, tmp_path: Path) -> None:
    job = client.submit(Stamp(text="stop", gate=str(_gate(tmp_path)), pause_at="compute"))
    job.cancel()
    with pytest.raises(JobFailed) as raised:
        job.wait(timeout=60)
    assert raised.value.code == "canceled"
    with pytest.raises(Conflict):
        job.cancel()


def test_a_job_that_refuses_tells_its_own_reason(client: Client) -> None:
    with pytest.raises(JobFailed) as raised:
        client.run(Stamp(text="x", then="refuse"))
    assert (raised.value.code, raised.value.hint) == ("training_diverged", "lower the learning rate")


def test_a_failed_job_is_tried_again_with_either_client(platform: Stack, client: Client) -> None:
    async def retry(job_id: str) -> tuple[str | None, str, list[str]]:
        async with AsyncClient(platform.url, platform.api_key) as asynchronous:
            again = await (await asynchronous.jobs.handle(job_id)).retry()
            listed = [job.id async for job in asynchronous.jobs.list(code="training_diverged", limit=5)]
            return again.record.retry_of, again.id, listed

    job = client.submit(Stamp(text="x", then="refuse"))
    with pytest.raises(JobFailed):
        job.wait(timeout=60)
    again = job.retry()
    assert again.record.retry_of == job.id
    of, same, listed = asyncio.run(retry(job.id))
    assert (of, same) == (job.id, again.id)
    assert job.id in listed
    assert client.jobs.retry(job.id).id == client.jobs.retry_all([job.id])[0].id == again.id
    assert client.jobs.retry_all(code="runner_killed", kind="generate.upscale") == []
    with pytest.raises(Conflict) as raised:
        client.submit(Stamp(text="fine", gate="/nowhere")).retry()
    assert raised.value.code in {"job_not_finished", "job_succeeded"}


def test_another_tenant_sees_nothing(platform: Stack, client: Client) -> None:
    job = client.submit(Stamp(text="mine"))
    with Client(platform.url, platform.other_api_key) as other:
        with pytest.raises(NotFound):
            other.jobs.get(job.id)
        with pytest.raises(NotFound):
            next(iter(other.jobs.events(job.id)))


def test_lists_are_read_beyond_one_page(client: Client) -> None:
    submitted = {client.submit(Stamp(text=str(number))).id for number in range(105)}
    listed = [job.id for job in client.jobs.list(kind="test.stamp", limit=105)]
    assert set(listed) == submitted
    assert listed == sorted(listed, reverse=True)


def test_a_folder_is_uploaded_with_its_captions_and_a_verdict_for_each_file(client: Client, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "art", "red", "green", "blue")
    (folder / "broken.png").write_bytes(b"not a picture")
    (folder / "red.txt").write_text("a red field")
    line = {"file_name": "green.png", "caption": "ein grünes Feld", "artist": "Nobody"}
    (folder / "captions.jsonl").write_text(json.dumps(line))
    collection = os.urandom(6).hex()
    result = client.upload(folder, metadata={"collection": collection, "licence": "CC0-1.0"})
    verdicts = {verdict.file_name: verdict for verdict in result.files}
    assert (result.accepted, result.refused) == (3, 1)
    assert verdicts["broken.png"].error
    assert verdicts["broken.png"].error["code"] == "image_unrecognised"
    stored = {artwork.file_name: artwork for artwork in client.artworks.list(collection=collection)}
    assert stored["red.png"].caption == "a red field"
    assert (stored["green.png"].caption, stored["green.png"].artist) == ("ein grünes Feld", "Nobody")
    assert {artwork.licence for artwork in stored.values()} == {"CC0-1.0"}
    again = client.upload(folder / "blue.png")
    assert again.files[0].verdict == "duplicate"
    assert again.files[0].artwork == stored["blue.png"]


def test_lineage_leads_from_a_picture_to_what_was_made_of_it(client: Client, tmp_path: Path) -> None:
    verdict = client.upload(_pictures(tmp_path / "art", "teal")).files[0]
    assert verdict.artwork
    made = client.run(Stamp(text=os.urandom(4).hex(), picture=verdict.artwork.id)).artifact
    down = client.lineage(verdict.artwork.id, "down")
    assert f"sha256:{made.sha256}" in {node.id for node in down.nodes}
    assert verdict.artwork.id in {node.id for node in client.lineage(f"sha256:{made.sha256}").nodes}


def test_a_kept_style_and_a_mix_give_pictures(client: Client, tmp_path: Path) -> None:
    verdict = client.upload(_pictures(tmp_path / "art", "olive")).files[0]
    assert verdict.artwork
    names = [style.name for style in client.styles.list() if style.builtin]
    style = client.styles.create("kept-" + os.urandom(3).hex(), StyleMix(builtin={names[0]: 1.0}))
    result = client.run(Stylise(picture=verdict.artwork.id, style=style.id, max_side_px=64))
    assert client.artifacts.read(result.artifact.sha256).startswith(b"\x89PNG")


def test_a_key_is_made_used_and_revoked(platform: Stack, client: Client) -> None:
    made = client.keys.create("for a test", ["read"])
    with Client(platform.url, made.key) as reader:
        assert list(reader.jobs.list(limit=1)) is not None
    client.keys.revoke(made.record.id)
    listed = {key.id: key for key in client.keys.list()}
    assert listed[made.record.id].revoked_at


def test_the_asynchronous_client_runs_many_jobs_at_once(platform: Stack) -> None:
    async def run() -> list[bytes]:
        async with AsyncClient(platform.url, platform.api_key) as client:
            jobs = await asyncio.gather(*(client.submit(Stamp(text=f"n{number}")) for number in range(6)))
            results = await asyncio.gather(*(job.wait(timeout=60) for job in jobs))
            return await asyncio.gather(*(client.artifacts.read(result.artifact.sha256) for result in results))

    assert asyncio.run(run()) == [f"N{number}".encode() for number in range(6)]


def test_an_operator_sees_queues_and_workers_with_either_client(platform: Stack, client: Client) -> None:
    async def ask() -> tuple[set[str], set[str]]:
        async with AsyncClient(platform.url, platform.api_key) as asynchronous:
            queues = {queue.name async for queue in asynchronous.queues.list()}
            return queues, {worker.name async for worker in asynchronous.workers.list()}

    threaded = {queue.name for queue in client.queues.list()}, {worker.name for worker in client.workers.list()}
    assert threaded == asyncio.run(ask())
    assert threaded[1] == {"preprocess", "device"}
    assert all(worker.alive for worker in client.workers.list())
