"""Who is drawn when: between jobs, between checkpoints, and within a budget of memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from impasto.errors import JobFailed
from impasto.testing.processes import eventually
from impasto_worker.engine import CallDropped
from impasto_worker.engine_orders import EngineCheckpoint
from tests.worker.drawing import Studio, request

MakeStudio = Callable[..., Studio]


def test_a_single_picture_does_not_wait_for_a_grid_of_sixty_four(studio: Studio) -> None:
    checkpoint = studio.checkpoint(step_s=0.005)
    grid = studio.draw(checkpoint, *[request("grid", seed, steps=20) for seed in range(64)])
    eventually(lambda: ["grid"] * 16 in studio.steps(), "the grid fills the batch")
    before = len(studio.steps())
    single = studio.draw(checkpoint, request("single", steps=20)).result(30)
    steps = studio.steps()
    assert not grid.done()
    with_single = [number for number, step in enumerate(steps) if "single" in step]
    assert with_single[-1] - with_single[0] == 19, "it has part in every step"
    assert with_single[0] - before <= 3, "it begins at once, though the batch was full"
    assert single.waited_s < 1
    assert {len(steps[number]) for number in with_single} == {16}
    assert len(grid.result(60).pictures) == 64


def test_two_grids_share_the_batch(studio: Studio) -> None:
    studio.gate.touch()
    checkpoint = studio.checkpoint()
    grids = [studio.draw(checkpoint, *[request(name, steps=10)] * 40) for name in ("one", "two")]
    studio.entered(2)
    studio.gate.unlink()
    for grid in grids:
        grid.result(60)
    shares = [step.count("two") for step in studio.steps() if step.count("one") and len(step) == 16]
    assert max(shares[20:]) <= 10
    assert sum(shares[20:]) / len(shares[20:]) > 5, "the later grid draws about as much as the earlier one"


def test_two_checkpoints_are_advanced_in_turn(studio: Studio) -> None:
    studio.gate.touch()
    calls = [
        studio.draw(studio.checkpoint(name), *[request(name, steps=200)] * count)
        for name, count in (("many", 16), ("few", 1))
    ]
    studio.entered(2)
    studio.gate.unlink()
    for call in calls:
        call.result(30)
    names = [step[0] for step in studio.steps()]
    begin = names.index("few")
    assert names[begin : begin + 20].count("few") == 10


def test_the_checkpoint_used_longest_ago_leaves_when_another_needs_its_room(make_studio: MakeStudio) -> None:
    studio = make_studio(IMPASTO_ENGINE_MEMORY_BYTES="2500")
    first, second, third = (studio.checkpoint(name) for name in ("first", "second", "third"))
    for checkpoint in (first, second, first, third):
        studio.draw(checkpoint, request()).result(30)
    eventually(lambda: studio.engine.loaded() == ["first", "third"], "the second has left")
    assert (studio.engine.stats()["loads"], studio.engine.stats()["evictions"]) == (3, 1)


@pytest.mark.parametrize("files_bytes", [1000, 10])
def test_a_checkpoint_in_use_is_never_evicted_and_whoever_needs_its_room_gets_it_afterwards(
    make_studio: MakeStudio, files_bytes: int
) -> None:
    studio = make_studio(IMPASTO_ENGINE_MEMORY_BYTES="1500")
    first, second = studio.checkpoint("first", step_s=0.01), studio.checkpoint("second", files_bytes=files_bytes)
    long = studio.draw(first, request("first", steps=60))
    eventually(lambda: studio.steps(), "the first is drawn")
    waits = studio.draw(second, request("second"))
    eventually(lambda: studio.engine.stats()["waiting"] == 1, "the second waits")
    assert studio.engine.stats()["evictions"] == 0
    assert studio.engine.stats()["memory_used_bytes"] <= 1500
    assert long.result(30).pictures
    assert waits.result(30).waited_s > 0
    assert studio.engine.loaded() == ["second"]


def test_a_checkpoint_larger_than_the_budget_is_refused(make_studio: MakeStudio) -> None:
    studio = make_studio(IMPASTO_ENGINE_MEMORY_BYTES="5000")
    small = studio.checkpoint("small", step_s=0.01)
    beside = studio.draw(small, request(steps=50))
    with pytest.raises(JobFailed) as raised:
        studio.draw(studio.checkpoint("large", memory_bytes=6000), request()).result(30)
    assert raised.value.code == "memory_exceeded"
    assert raised.value.data == {"limit": 5000, "actual": 6000}
    assert beside.result(30).pictures


def _load_for_a_canceled_job(studio: Studio, name: str, **config: Any) -> EngineCheckpoint:
    """A checkpoint whose load ends, well or badly, after the only job that asked for it was canceled."""
    gate = studio.folder / "loads"
    gate.touch()
    checkpoint = studio.checkpoint(name, load_gate=str(gate), **config)
    leaving = studio.call(checkpoint, request())
    gone = studio.run(leaving)
    eventually(gate.with_suffix(".reached").exists, "it is being loaded")
    leaving.kill()
    assert isinstance(gone.exception(5), CallDropped)
    gate.unlink()
    return checkpoint


def test_a_checkpoint_that_was_loaded_for_a_canceled_job_leaves_when_another_needs_its_room(
    make_studio: MakeStudio,
) -> None:
    studio = make_studio(IMPASTO_ENGINE_MEMORY_BYTES="1500")
    _load_for_a_canceled_job(studio, "first")
    eventually(lambda: studio.engine.loaded() == ["first"], "it is there, though nobody asks for it")
    assert studio.draw(studio.checkpoint("second"), request()).result(10).pictures
    assert studio.engine.stats()["evictions"] == 1
    assert studio.engine.stats()["memory_used_bytes"] == 1000


def test_a_load_that_fails_after_its_job_was_canceled_holds_no_memory_and_hurts_nobody(make_studio: MakeStudio) -> None:
    studio = make_studio(IMPASTO_ENGINE_MEMORY_BYTES="1500")
    broken = _load_for_a_canceled_job(studio, "broken", broken=True)
    eventually(lambda: studio.engine.stats()["memory_used_bytes"] == 0, "its room is free")
    assert studio.draw(studio.checkpoint("second"), request()).result(10).pictures
    with pytest.raises(JobFailed) as raised:
        studio.draw(broken, request()).result(10)
    assert raised.value.code == "model_corrupt"


def test_a_drawing_of_many_pixels_takes_the_room_of_several(make_studio: MakeStudio) -> None:
    studio = make_studio(IMPASTO_ENGINE_MEMORY_BYTES="1400")
    large = [request(seed=seed, width=64, height=32) for seed in range(5)]
    drawn = studio.draw(studio.checkpoint(drawing_bytes=100), *large).result(30)
    assert len(drawn.pictures) == 5
    assert max(map(len, studio.steps())) == 2


def test_no_more_drawings_run_than_memory_allows(make_studio: MakeStudio) -> None:
    studio = make_studio(IMPASTO_ENGINE_MEMORY_BYTES="1400")
    drawn = studio.draw(studio.checkpoint(drawing_bytes=100), *[request(seed=seed) for seed in range(9)]).result(30)
    assert len(drawn.pictures) == 9
    assert max(map(len, studio.steps())) == 4
