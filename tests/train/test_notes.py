"""Notes of a training on a real database and store: kept by the attempt that holds the job, and gone at its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from impasto.backends.objects import S3Objects
from impasto.backends.postgres.artifacts import PostgresArtifacts
from impasto.backends.postgres.pools import engine_pool
from impasto.backends.postgres.queue import PostgresQueue
from impasto.backends.postgres.trainings import PostgresTrainings
from impasto.identifiers import new_id
from impasto.jobs import ClaimedJob
from impasto.settings import Settings
from impasto_train.text_to_image.notes import Notes
from impasto_worker.active import ActiveJob
from impasto_worker.handling import JobContext, Tools
from impasto_worker.job_folder import JobFolder
from impasto_worker.transfer import Transfer


@dataclass
class Desk:
    """One job, and its attempts one after the other."""

    queue: PostgresQueue
    tools: Tools
    store: S3Objects
    folder: Path
    job_id: str

    def claim(self) -> ClaimedJob:
        job = self.queue.claim(["run"])
        assert job is not None
        return job

    def notes(self, job: ClaimedJob) -> Notes:
        return Notes(JobContext(ActiveJob(job), self.tools, JobFolder(self.folder, str(job.epoch))))

    def keep(self, notes: Notes, step: int, content: bytes) -> None:
        path = self.folder / "state.safetensors"
        path.write_bytes(content)
        notes.keep({"kind": "state", "step": step, "path": str(path)})
        assert not path.exists()

    def kept(self) -> list[str]:
        """Steps and names of the states in the store."""
        found = self.store._client.list_objects(self.store._bucket, f"tnt_test/runs/{self.job_id}/", recursive=True)
        return sorted(str(it.object_name).split(self.job_id + "/")[1] for it in found)


@pytest.fixture
def desk(settings: Settings, tmp_path: Path) -> Iterator[Desk]:
    with engine_pool(settings.engine_database_url, most=4) as pool:
        job_id = new_id("job")
        with pool.connection() as connection:
            connection.execute("INSERT INTO tenants (id, name) VALUES ('tnt_test', 'test')")
            connection.execute(
                """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, priority, run_limit_s, last_event)
                   VALUES (%s, 'tnt_test', 'train.text_to_image', 'train', 'run', %s, 0, 60, 1)""",
                [job_id, Jsonb({})],
            )
            connection.execute(
                "INSERT INTO job_events (tenant_id, job_id, number, type) VALUES ('tnt_test', %s, 1, 'job.queued')",
                [job_id],
            )
        store = S3Objects(settings)
        transfer = Transfer(store, PostgresArtifacts(pool), tmp_path / "cache")
        # Notes need nothing else of a worker.
        rest = dict.fromkeys(field.name for field in fields(Tools))
        tools = Tools(**{**rest, "trainings": PostgresTrainings(pool), "transfer": transfer})  # type: ignore[arg-type]
        queue = PostgresQueue(pool, worker="w", instance="1", queues=["train"], lease_s=30)
        yield Desk(queue, tools, store, tmp_path, job_id)


def test_the_next_attempt_gets_the_last_state_and_only_that_is_in_the_store(desk: Desk) -> None:
    first = desk.claim()
    notes = desk.notes(first)
    assert notes.resumed() is None
    desk.keep(notes, 10, b"ten")
    desk.keep(notes, 20, b"twenty")
    assert desk.kept() == [f"20/{first.epoch}.safetensors"]
    desk.queue.give_back(first, "runner_lost")
    resumed = desk.notes(desk.claim()).resumed()
    assert resumed is not None
    path, step = resumed
    assert (path.read_bytes(), step) == (b"twenty", 20)


def test_a_late_state_of_an_old_attempt_counts_for_nothing_and_leaves_the_store(desk: Desk) -> None:
    old = desk.claim()
    desk.queue.give_back(old, "runner_lost")
    new = desk.claim()
    desk.keep(desk.notes(new), 10, b"new")
    desk.keep(desk.notes(old), 90, b"old")
    assert desk.kept() == [f"10/{new.epoch}.safetensors"]
    assert desk.tools.trainings.state(new).step == 10  # type: ignore[union-attr]


def test_a_state_that_is_gone_from_the_store_costs_time_and_no_job(desk: Desk) -> None:
    first = desk.claim()
    desk.keep(desk.notes(first), 10, b"ten")
    state = desk.tools.trainings.state(first)
    assert state is not None
    desk.store.remove_run(state.key)
    desk.queue.give_back(first, "runner_lost")
    assert desk.notes(desk.claim()).resumed() is None


def test_a_state_that_was_damaged_in_the_store_costs_time_and_no_job(desk: Desk) -> None:
    first = desk.claim()
    desk.keep(desk.notes(first), 10, b"ten")
    state = desk.tools.trainings.state(first)
    assert state is not None
    (desk.folder / "other").write_bytes(b"other bytes than were kept")
    desk.store.put_run(state.key, desk.folder / "other")
    desk.queue.give_back(first, "runner_lost")
    assert desk.notes(desk.claim()).resumed() is None


def test_notes_of_a_kind_that_nobody_knows_are_an_error(desk: Desk) -> None:
    with pytest.raises(ValueError, match="'gossip'"):
        desk.notes(desk.claim()).keep({"kind": "gossip"})
