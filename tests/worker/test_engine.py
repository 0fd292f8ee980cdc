"""The engine with a real child: many jobs in one batch, and what each of them is told."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from impasto.errors import JobFailed
from impasto.jobs import Progress
from impasto.testing.processes import eventually
from impasto_worker import engine as engine_module
from impasto_worker.child_process import EngineLost, EngineStopped, MemoryShared, RunnerLost, RunnerOutOfMemory
from impasto_worker.engine import CallDropped, EngineCall
from impasto_worker.engine_orders import Drawn
from tests.worker.drawing import Studio, request

MakeStudio = Callable[..., Studio]


def _pixels(drawn: Drawn, index: int = 0) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(drawn.pictures[index].path), dtype=np.int16)


def test_sixteen_jobs_at_mixed_steps_are_advanced_in_one_batch(studio: Studio) -> None:
    studio.gate.touch()
    checkpoint = studio.checkpoint(step_s=0.01)
    calls = [studio.draw(checkpoint, request(steps=60))]
    calls += [studio.draw(checkpoint, request(seed=seed, steps=10 + seed)) for seed in range(1, 16)]
    studio.gate.unlink()
    assert [len(call.result(30).pictures) for call in calls] == [1] * 16
    stats = studio.engine.stats()
    drawing_steps = 60 + sum(10 + seed for seed in range(1, 16))
    assert sum(int(width) * count for width, count in stats["widths"].items()) == drawing_steps
    assert stats["steps"] == 60, "the fifteen others were drawn in the very steps of the longest"
    assert stats["widths"]["16"] >= 1
    assert stats["drawn"] == 16


def test_a_batch_is_no_wider_than_the_setting(make_studio: MakeStudio) -> None:
    studio = make_studio(IMPASTO_ENGINE_WIDTH="3")
    calls = [studio.draw(studio.checkpoint(), *[request(seed=seed) for seed in range(8)])]
    assert len(calls[0].result(30).pictures) == 8
    assert max(map(len, studio.steps())) == 3


def test_a_grid_tells_progress_over_all_its_pictures_and_shows_small_previews(studio: Studio) -> None:
    told: list[Progress] = []
    shown: list[bytes] = []
    call = studio.call(studio.checkpoint(step_s=0.04), *[request(seed=seed, steps=30) for seed in range(4)])
    drawn = studio.run(call, on_progress=told.append, on_preview=shown.append).result(30)
    assert [Image.open(picture.path).size for picture in drawn.pictures] == [(32, 32)] * 4
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions, key=float)
    assert fractions[-1] == 1.0
    assert 1 < len(told) < 30, "at most ten a second"
    assert 1 <= len(shown) <= 4, "at most two a second"
    assert {Image.open(io.BytesIO(jpeg)).format for jpeg in shown} == {"JPEG"}
    assert max(map(len, shown)) <= 32_000


def test_the_same_seed_gives_the_same_picture_alone_and_among_others(studio: Studio) -> None:
    checkpoint = studio.checkpoint(step_s=0.005)
    alone = studio.draw(checkpoint, request(seed=7, steps=12)).result(30)
    others = [studio.draw(checkpoint, *[request(seed=10 * n + i, steps=9 + i) for i in range(5)]) for n in range(3)]
    among = studio.draw(checkpoint, request(seed=7, steps=12)).result(30)
    wait(others)
    assert max(int(width) for width in studio.engine.stats()["widths"]) > 1
    assert np.abs(_pixels(alone) - _pixels(among)).max() <= 1


def test_a_canceled_job_leaves_between_two_steps_and_the_others_go_on(studio: Studio) -> None:
    checkpoint = studio.checkpoint(step_s=0.01)
    leaving = studio.call(checkpoint, *[request("leaves", steps=10_000)] * 3)
    gone, stays = studio.run(leaving), studio.draw(checkpoint, request("stays", steps=150))
    eventually(lambda: any("leaves" in step and "stays" in step for step in studio.steps()), "both are drawn")
    leaving.kill()
    with pytest.raises(CallDropped):
        gone.result(5)
    assert not stays.done()
    stats = studio.engine.stats()
    assert (stats["running"], stats["waiting"], stats["calls"]) == (1, 0, 1)
    assert len(stays.result(30).pictures) == 1
    assert sum("stays" in step for step in studio.steps()) == 150, "no step was done twice"


def test_an_engine_that_does_not_answer_a_cancel_is_killed(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_CANCEL_S", 0.3)
    studio.gate.touch()
    checkpoint = studio.checkpoint()
    stuck = studio.call(checkpoint, request())
    ended = studio.run(stuck)
    studio.at_the_gate()
    waits = studio.draw(checkpoint, request())
    studio.entered(2)
    pid = studio.engine.pid
    stuck.kill()
    with pytest.raises(EngineLost):
        ended.result(5)
    eventually(lambda: studio.engine.pid != pid, "it is dead")
    studio.gate.unlink()
    assert waits.result(30).pictures, "it had not begun, and is drawn by the next engine"


def test_a_family_without_batches_is_heard_between_two_pictures(studio: Studio) -> None:
    studio.gate.touch()
    checkpoint = studio.checkpoint(in_turn=True)
    leaving = studio.call(checkpoint, *[request("leaves", steps=10_000)] * 8)
    gone, stays = studio.run(leaving), studio.draw(checkpoint, *[request("stays")] * 8)
    studio.at_the_gate()
    leaving.kill()
    eventually(lambda: studio.engine._process and studio.engine._process._leaving, "the child is asked")
    studio.gate.unlink()
    with pytest.raises(CallDropped):
        gone.result(10)
    assert len(stays.result(30).pictures) == 8
    assert studio.steps().count(["leaves"]) <= 1, "what waited behind the first was not drawn for nobody"
    assert studio.steps().count(["stays"]) == 8 * 4


def _drawn_together(studio: Studio) -> tuple[Future[Drawn], EngineCall, Future[Drawn]]:
    """One that is canceled, its call, and one beside it; both have begun, and the engine is at the gate."""
    checkpoint = studio.checkpoint(step_s=0.01)
    leaving = studio.call(checkpoint, request("leaves", steps=10_000))
    gone, stays = studio.run(leaving), studio.draw(checkpoint, request("stays", steps=200))
    eventually(lambda: any("leaves" in step and "stays" in step for step in studio.steps()), "both are drawn")
    studio.gate.touch()
    studio.at_the_gate()
    leaving.kill()
    return gone, leaving, stays


def test_an_engine_in_which_others_draw_is_given_longer_to_let_go(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_CANCEL_S", 0.1)
    gone, _, stays = _drawn_together(studio)
    pid = studio.engine.pid
    time.sleep(1)
    studio.gate.unlink()
    with pytest.raises(CallDropped):
        gone.result(10)
    assert stays.result(30).pictures
    assert studio.engine.pid == pid


def test_an_engine_that_is_killed_for_another_s_cancel_charges_nobody(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_CANCEL_S", 0.1)
    monkeypatch.setattr(engine_module, "_COMPANY_S", 0.5)
    monkeypatch.setattr(engine_module, "_TURNS", 0.0)
    _, _, stays = _drawn_together(studio)
    error = stays.exception(10)
    assert isinstance(error, EngineStopped)
    assert error.cause == "engine_stopped"
    studio.gate.unlink()


def test_the_worker_knows_how_long_a_turn_takes_its_engine(studio: Studio) -> None:
    drawn = studio.draw(studio.checkpoint(step_s=0.4), request(steps=10))
    eventually(lambda: studio.engine._process and studio.engine._process.turn_s >= 0.4, "it is told")
    assert drawn.result(30).pictures


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_end_of_the_child_is_told_to_every_job_and_charged_only_if_there_was_one(studio: Studio, jobs: int) -> None:
    checkpoint, told = studio.checkpoint(step_s=0.01), []
    calls = [
        studio.run(studio.call(checkpoint, request(steps=10_000)), on_progress=told.append, on_begun=lambda: None)
        for _ in range(jobs)
    ]
    eventually(lambda: studio.engine.stats().get("running") == jobs, "all are drawn")
    assert studio.engine.pid
    os.kill(studio.engine.pid, signal.SIGKILL)
    errors = [call.exception(5) for call in calls]
    assert {type(error) for error in errors} == {RunnerLost if jobs == 1 else EngineLost}
    assert {getattr(error, "cause", None) for error in errors} == {"runner_lost" if jobs == 1 else "engine_lost"}
    assert studio.engine.loaded() == []
    assert studio.draw(checkpoint, request()).result(30).pictures, "the next call starts another"


def test_a_job_that_only_waited_in_an_engine_that_died_is_drawn_by_the_next(make_studio: MakeStudio) -> None:
    studio = make_studio(IMPASTO_ENGINE_MEMORY_BYTES="1500")
    drawn = studio.draw(studio.checkpoint("drawn", step_s=0.01), request(steps=10_000))
    eventually(lambda: studio.engine.stats().get("running") == 1, "one is drawn")
    waits = studio.draw(studio.checkpoint("waits"), request())
    eventually(lambda: studio.engine.stats()["waiting"] == 1, "the other finds no room")
    assert studio.engine.pid
    os.kill(studio.engine.pid, signal.SIGKILL)
    assert type(drawn.exception(5)) is RunnerLost
    assert waits.result(30).pictures


def test_a_job_that_is_to_be_alone_has_nobody_beside_it(studio: Studio) -> None:
    checkpoint = studio.checkpoint(step_s=0.005)
    calls = [studio.draw(checkpoint, request("first", steps=30))]
    eventually(lambda: studio.steps(), "the first is drawn")
    calls.append(studio.draw(checkpoint, *[request("alone", steps=20)] * 2, alone=True))
    eventually(lambda: studio.engine.stats()["calls"] == 2, "the second is there")
    calls += [studio.draw(checkpoint, request("later", steps=10)) for _ in range(3)]
    for call in calls:
        call.result(30)
    assert {frozenset(step) for step in studio.steps() if "alone" in step} == {frozenset({"alone"})}


@pytest.mark.parametrize("prompt", ["raise", "raise at the end"])
def test_a_fault_in_one_job_does_not_hurt_the_others(studio: Studio, prompt: str) -> None:
    studio.gate.touch()
    checkpoint = studio.checkpoint()
    calls = [studio.draw(checkpoint, request(text, seed)) for seed, text in enumerate(["", prompt, ""])]
    studio.gate.unlink()
    with pytest.raises(JobFailed) as raised:
        calls[1].result(30)
    assert raised.value.code == "internal_error"
    assert "one of these" not in str(raised.value), "its words may be the customer's"
    assert [len(calls[n].result(30).pictures) for n in (0, 2)] == [1, 1]


def test_what_a_checkpoint_cannot_draw_is_named(studio: Studio) -> None:
    checkpoint = studio.checkpoint()
    for wrong in ({"style": {"cubist": 1.0}}, {"width": 30}):
        with pytest.raises(JobFailed, match="the checkpoint cannot draw this") as raised:
            studio.draw(checkpoint, request(), request(**wrong)).result(30)
        assert raised.value.code == "value_invalid"
    assert studio.engine.stats()["running"] == 0, "the picture beside the wrong one is not drawn for nobody"


def test_a_checkpoint_that_cannot_be_loaded_fails_its_job_with_a_name(studio: Studio, tmp_path: Path) -> None:
    good = studio.checkpoint()
    for family, folder, code in (
        ("gradients", tmp_path / "nothing", "model_corrupt"),
        ("nobody's", good.folder, "model_incompatible"),
    ):
        with pytest.raises(JobFailed) as raised:
            studio.draw(type(good)(family, folder, "bad"), request()).result(30)
        assert raised.value.code == code
    assert studio.draw(good, request()).result(30).pictures


def test_out_of_memory_in_a_step_sends_the_newest_job_back_and_the_others_go_on(studio: Studio) -> None:
    checkpoint = studio.checkpoint(most=2, step_s=0.01)
    older = [studio.draw(checkpoint, request("older", seed, steps=100)) for seed in range(2)]
    eventually(lambda: ["older"] * 2 in studio.steps(), "two are drawn")
    with pytest.raises(MemoryShared):
        studio.draw(checkpoint, request("newest")).result(30)
    assert [len(call.result(30).pictures) for call in older] == [1, 1]
    assert sum(map(len, studio.steps())) == 200, "no step was done twice"


def test_a_grid_that_lacks_memory_goes_on_with_half_its_width(studio: Studio) -> None:
    drawn = studio.draw(studio.checkpoint(most=3), *[request(seed=seed) for seed in range(10)]).result(30)
    assert len(drawn.pictures) == 10
    assert max(map(len, studio.steps())) <= 3


def test_a_single_picture_that_lacks_memory_is_out_of_memory(studio: Studio) -> None:
    with pytest.raises(RunnerOutOfMemory) as alone:
        studio.draw(studio.checkpoint(most=0), request()).result(30)
    assert alone.value.cause == "out_of_memory"


def test_a_picture_that_lacks_memory_at_its_end_narrows_no_batch(studio: Studio) -> None:
    checkpoint = studio.checkpoint()
    with pytest.raises(RunnerOutOfMemory):
        studio.draw(checkpoint, request("lack at the end")).result(30)
    studio.draw(checkpoint, *[request(seed=seed) for seed in range(8)]).result(30)
    assert max(map(len, studio.steps())) == 8


def test_a_batch_that_was_narrowed_widens_again_when_memory_suffices(studio: Studio) -> None:
    short = studio.folder / "short"
    short.touch()
    checkpoint = studio.checkpoint(most=2, short=str(short))
    studio.draw(checkpoint, *[request(seed=seed) for seed in range(10)]).result(30)
    assert max(map(len, studio.steps())) == 2
    short.unlink()
    studio.draw(checkpoint, *[request(seed=seed, steps=100) for seed in range(32)]).result(60)
    assert max(map(len, studio.steps())) == 16


def test_nobody_leaves_for_a_wider_batch_that_is_only_tried(studio: Studio) -> None:
    checkpoint = studio.checkpoint(most=2)
    studio.draw(checkpoint, *[request(seed=seed) for seed in range(4)]).result(30)
    calls = [studio.draw(checkpoint, *[request(seed=seed, steps=150)] * 2) for seed in range(3)]
    assert [len(call.result(60).pictures) for call in calls] == [2, 2, 2]
    assert max(map(len, studio.steps())) == 2


def test_an_engine_leaves_when_it_was_idle_and_not_while_it_draws(studio: Studio) -> None:
    checkpoint = studio.checkpoint(step_s=0.01)
    call = studio.draw(checkpoint, request(steps=100))
    eventually(lambda: studio.steps(), "it draws")
    studio.engine.close_idle()
    assert call.result(30).pictures
    assert studio.engine.loaded() == ["first"]
    studio.engine.close_idle(longer_than_s=60)
    assert studio.engine.pid is not None
    studio.engine.close_idle()
    assert (studio.engine.pid, studio.engine.loaded(), studio.engine.stats()) == (None, [], {})


def test_the_child_ends_when_its_socket_closes(studio: Studio) -> None:
    call = studio.draw(studio.checkpoint(step_s=0.01), request(steps=10_000))
    eventually(lambda: studio.steps(), "it draws")
    process = studio.engine._process
    assert process
    process._socket.shutdown(2)  # as the kernel does for a worker that was killed
    eventually(lambda: process._process.poll() is not None, "the child has ended")
    assert isinstance(call.exception(5), RunnerLost)
