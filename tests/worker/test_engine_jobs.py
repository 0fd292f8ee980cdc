"""Jobs in the engine, from the API to the database, with a real worker."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from impasto import AsyncClient
from impasto.testing.processes import Process, eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, ended, look, submit

_ENGINE = b"impasto_worker.engine_child"


class Easel:
    """A platform with one worker that draws, and checkpoints for it."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        stack.start_gateway()
        stack.start_reconciler()
        self.start_worker()

    def start_worker(self) -> None:
        self.worker = self.stack.start_worker("draws", ["test"], slots=4)

    def checkpoint(self, **config: Any) -> str:
        place = self.folder / f"checkpoint{len(list(self.folder.glob('checkpoint*')))}"
        place.mkdir()
        (place / "config.json").write_text(json.dumps({"log": str(place / "log"), **config}))
        return str(place)

    def submit(self, checkpoint: str, **params: Any) -> str:
        return str(submit(self.stack, "test.draw", {"checkpoint": checkpoint, **params})["id"])

    def drawn(self, checkpoint: str, *prompts: str) -> bool:
        """Whether a step of this checkpoint has advanced pictures of exactly these prompts."""
        log = Path(checkpoint) / "log"
        if not log.exists():
            return False
        steps = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("]")]
        return any(set(step) == set(prompts) for step in steps)

    def engine(self) -> int:
        """The engine's process id."""
        return eventually(lambda: next(iter(engines_of(self.worker)), None), "there is an engine")

    def losses(self, job_id: str) -> tuple[int, int]:
        """Losses of workers and of runners that a job was charged with."""
        row = self.stack.sql("SELECT worker_losses, runner_losses FROM jobs WHERE id = %s", [job_id])[0]
        return (row[0], row[1])

    def causes(self, job_id: str) -> list[str]:
        query = "SELECT data->>'cause' FROM job_events WHERE job_id = %s AND type = 'job.requeued' ORDER BY number"
        return [row[0] for row in self.stack.sql(query, [job_id])]


def engines_of(worker: Process) -> list[int]:
    """Living engine processes whose parent is this worker."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            status, command = (place / "stat").read_text(), (place / "cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        if _ENGINE in command and int(status.rpartition(")")[2].split()[1]) == worker.pid:
            found.append(int(place.name))
    return found


@pytest.fixture(scope="module")
def easel(own_stack: Stack) -> Easel:
    return Easel(own_stack, own_stack.folder)


def test_jobs_are_drawn_together_and_each_gets_its_own_pictures(easel: Easel) -> None:
    checkpoint = easel.checkpoint(step_s=0.02, meet=3)
    jobs = {name: easel.submit(checkpoint, prompt=name, seed=3, steps=60, count=2) for name in ("a", "b", "c")}
    results = [ended(easel.stack, job)["result"]["artifacts"] for job in jobs.values()]
    assert easel.drawn(checkpoint, "a", "b", "c")
    assert [len(artifacts) for artifacts in results] == [2, 2, 2]
    assert len({artifact["sha256"] for artifacts in results for artifact in artifacts}) == 2, "the seeds are the same"
    picture = ask(easel.stack, "GET", f"/v1/artifacts/{results[0][0]['sha256']}")
    assert Image.open(io.BytesIO(picture.content)).size == (32, 32)


def test_a_canceled_job_leaves_the_engine_and_its_slot_takes_the_next(easel: Easel) -> None:
    checkpoint = easel.checkpoint(step_s=0.02)
    long = [easel.submit(checkpoint, prompt=f"long{n}", steps=10_000) for n in range(4)]
    eventually(lambda: easel.drawn(checkpoint, "long0", "long1", "long2", "long3"), "every slot draws")
    waits = easel.submit(checkpoint, prompt="waits")
    pid = easel.engine()
    assert ask(easel.stack, "POST", f"/v1/jobs/{long[0]}/cancel").status_code == 202
    assert ended(easel.stack, long[0])["state"] == "canceled"
    assert ended(easel.stack, waits)["state"] == "succeeded"
    assert easel.engine() == pid, "nobody else's drawing was lost"
    assert [look(easel.stack, job)["state"] for job in long[1:]] == ["running"] * 3
    assert {look(easel.stack, job)["attempts"] for job in long[1:]} == {1}
    for job in long[1:]:
        ask(easel.stack, "POST", f"/v1/jobs/{job}/cancel")
    assert [ended(easel.stack, job)["state"] for job in long[1:]] == ["canceled"] * 3


def test_three_jobs_in_an_engine_that_is_killed_run_again_and_none_is_charged(easel: Easel) -> None:
    checkpoint = easel.checkpoint(step_s=0.02, meet=3)
    jobs = [easel.submit(checkpoint, prompt=name, steps=100) for name in "abc"]
    eventually(lambda: easel.drawn(checkpoint, "a", "b", "c"), "all three are drawn")
    os.kill(easel.engine(), signal.SIGKILL)
    for job in jobs:
        assert ended(easel.stack, job)["state"] == "succeeded"
        assert easel.causes(job) == ["engine_lost"]
        assert easel.losses(job)[1] == 0


def test_a_job_alone_in_an_engine_that_is_killed_is_charged(easel: Easel) -> None:
    checkpoint = easel.checkpoint(step_s=0.02)
    job = easel.submit(checkpoint, prompt="a", steps=100)
    eventually(lambda: easel.drawn(checkpoint, "a"), "it is drawn")
    os.kill(easel.engine(), signal.SIGKILL)
    assert ended(easel.stack, job)["state"] == "succeeded"
    assert easel.causes(job) == ["runner_lost"]
    assert easel.losses(job) == (0, 1)


def test_a_job_that_kills_every_engine_is_found_out_and_the_others_succeed(easel: Easel) -> None:
    checkpoint = easel.checkpoint(step_s=0.02, meet=3)
    good = [easel.submit(checkpoint, prompt=name, steps=100) for name in "abc"]
    eventually(lambda: easel.drawn(checkpoint, "a", "b", "c"), "all three are drawn")
    bad = easel.submit(checkpoint, prompt="die")
    job = ended(easel.stack, bad, most_s=60)
    assert (job["state"], job["error"]["code"]) == ("failed", "runner_killed")
    assert [ended(easel.stack, job)["state"] for job in good] == ["succeeded"] * 3
    assert {easel.losses(job)[1] for job in good} == {0}


def test_a_job_that_lacked_memory_beside_another_is_not_charged_and_is_drawn_alone_next(easel: Easel) -> None:
    checkpoint = easel.checkpoint(step_s=0.02, most=1)
    older = easel.submit(checkpoint, prompt="older", steps=150)
    eventually(lambda: easel.drawn(checkpoint, "older"), "it is drawn")
    newest = easel.submit(checkpoint, prompt="newest", steps=5)
    for job in (older, newest):
        assert ended(easel.stack, job)["state"] == "succeeded"
        assert easel.losses(job) == (0, 0)
    assert easel.causes(older) == []
    assert easel.causes(newest) == ["memory_shared"]
    assert easel.stack.sql("SELECT alone FROM jobs WHERE id = ANY(%s) ORDER BY created_at", [[older, newest]]) == [
        (False,),
        (True,),
    ]
    rows = "SELECT finished_at FROM jobs WHERE id = %s"
    assert easel.stack.sql(rows, [older]) < easel.stack.sql(rows, [newest]), "it waited for the other to end"


def test_what_a_job_asks_wrongly_hurts_nobody_else(easel: Easel) -> None:
    checkpoint = easel.checkpoint(step_s=0.02)
    secret = "a lighthouse in a sea of milk"
    good = easel.submit(checkpoint, prompt=secret, steps=60)
    bad = [easel.submit(checkpoint, prompt=secret, style="cubist"), easel.submit(checkpoint, prompt="raise")]
    assert [ended(easel.stack, job)["error"]["code"] for job in bad] == ["value_invalid", "internal_error"]
    assert ended(easel.stack, good)["state"] == "succeeded"
    assert easel.causes(good) == []
    assert [process.log for process in easel.stack.processes if secret in process.log.read_text(errors="replace")] == []


def test_an_engine_dies_with_its_worker_and_another_life_draws_the_job(easel: Easel) -> None:
    checkpoint = easel.checkpoint(step_s=0.02)
    job = easel.submit(checkpoint, prompt="a", steps=50)
    eventually(lambda: easel.drawn(checkpoint, "a"), "it is drawn")
    pid = easel.engine()
    easel.worker.kill()
    eventually(lambda: not Path(f"/proc/{pid}").exists(), "the engine is gone")
    easel.start_worker()
    assert ended(easel.stack, job)["state"] == "succeeded"


def test_a_worker_that_is_told_to_stop_gives_its_drawings_back_at_no_cost(easel: Easel) -> None:
    checkpoint = easel.checkpoint(step_s=0.02)
    job = easel.submit(checkpoint, prompt="a", steps=10_000)
    eventually(lambda: easel.drawn(checkpoint, "a"), "it is drawn")
    easel.worker.stop()
    waiting = look(easel.stack, job)
    assert (waiting["state"], waiting["attempts"], easel.causes(job)) == ("queued", 0, ["drained"])
    ask(easel.stack, "POST", f"/v1/jobs/{job}/cancel")
    easel.start_worker()


def test_the_engine_makes_room_for_another_shape(easel: Easel) -> None:
    drawn = easel.submit(easel.checkpoint())
    assert ended(easel.stack, drawn)["state"] == "succeeded"
    assert engines_of(easel.worker)
    stamped = submit(easel.stack, "test.stamp", {"text": "x"})["id"]
    assert ended(easel.stack, stamped)["state"] == "succeeded"
    assert engines_of(easel.worker) == []


def test_a_job_that_is_drawn_can_be_looked_at(easel: Easel) -> None:
    stack, checkpoint = easel.stack, easel.checkpoint(step_s=0.02)
    job = easel.submit(checkpoint, prompt="a", steps=10_000, count=4)
    answer = eventually(
        lambda: got if (got := ask(stack, "GET", f"/v1/jobs/{job}/preview")).status_code == 200 else None,
        "there is a preview",
    )
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("image/jpeg", "no-cache")
    assert len(answer.content) <= 32_000
    assert Image.open(io.BytesIO(answer.content)).format == "JPEG"
    assert 0 < eventually(lambda: look(stack, job)["progress"], "it tells progress")["fraction"] < 1
    with stack.client() as client:
        assert (client.jobs.preview(job) or b"")[:2] == b"\xff\xd8"
        client.jobs.cancel(job)

    async def look_once() -> bytes | None:
        async with AsyncClient(url=stack.url, api_key=stack.api_key) as client:
            return await client.jobs.preview(job)

    assert (asyncio.run(look_once()) or b"")[:2] == b"\xff\xd8"
    ended(stack, job)
    last = ask(stack, "GET", f"/v1/jobs/{job}/preview")
    same = ask(stack, "GET", f"/v1/jobs/{job}/preview", headers={"If-None-Match": last.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_without_a_preview_the_answer_says_so_and_another_tenants_job_is_not_there(platform: Stack) -> None:
    job = submit(platform, "test.stamp", {"text": "never drawn"})["id"]
    ended(platform, job)
    answer = ask(platform, "GET", f"/v1/jobs/{job}/preview")
    assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")
    assert answer.json()["hint"]
    with platform.client() as client:
        assert client.jobs.preview(job) is None
    other = ask(platform, "GET", f"/v1/jobs/{job}/preview", tenant="second")
    assert (other.status_code, other.json()["code"]) == (404, "not_found")
