"""Pipelines of diffusers in the engine, whose drawings do not survive a step that raises: nobody is hurt by another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from impasto.errors import JobFailed
from impasto.testing.processes import eventually
from impasto_worker.child_process import RunnerOutOfMemory
from impasto_worker.engine import Engine
from impasto_worker.engine_orders import Drawn, EngineCheckpoint
from impasto_worker.runners import RunnerSettings
from tests.pipelines import lora, pipeline
from tests.worker.drawing import Studio, request

_SIZE = {"width": 16, "height": 16}
_MOST_S = 120


class Scarcity:
    """A studio with a tiny pipeline that lacks memory, or fails, when it is told."""

    def __init__(self, folder: Path) -> None:
        self.told = folder
        settings = RunnerSettings(1, {"IMPASTO_DEVICE": "cpu", "IMPASTO_TEST_SCARCE": str(folder)})
        self.studio = Studio(Engine(settings), folder)
        self.checkpoint = EngineCheckpoint("scarce", pipeline("sd"), "sd")
        self._loads = 0

    def load_anew(self) -> None:
        """A checkpoint that the engine knows nothing of; it holds no other afterwards."""
        self._loads += 1
        self.checkpoint = EngineCheckpoint("scarce", pipeline("sd"), f"sd-{self._loads}")
        if self._loads > 1:
            self.tell("denoise", "lack 1")
        self.drawn_alone(1)
        assert self.studio.engine.loaded() == [self.checkpoint.key], "what is idle leaves first"

    def drawn_alone(self, *seeds: int) -> list[bytes]:
        """What these pictures are without trouble."""
        wanted = [request("a heart", seed, **_SIZE) for seed in seeds]
        return pixels(self.studio.draw(self.checkpoint, *wanted).result(_MOST_S))

    def tell(self, network: str, what: str) -> None:
        """Written beside and renamed: the engine may be reading."""
        part = self.told / "part"
        part.write_text(what)
        part.rename(self.told / network)

    def wait(self) -> None:
        """From now on the denoiser waits; `go_on` lets it."""
        (self.told / "gate.reached").unlink(missing_ok=True)
        (self.told / "gate").touch()

    def waits(self) -> None:
        eventually((self.told / "gate.reached").exists, "a step waits")

    def go_on(self) -> None:
        (self.told / "gate").unlink()


@pytest.fixture(scope="module")
def _engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scarcity]:
    made = Scarcity(tmp_path_factory.mktemp("scarce"))
    yield made
    made.studio.close()


@pytest.fixture
def scarcity(_engine: Scarcity) -> Scarcity:
    """The engine of all these tests: it takes a while to import its libraries."""
    _engine.load_anew()
    return _engine


def pixels(drawn: Drawn) -> list[bytes]:
    return [Image.open(picture.path).tobytes() for picture in drawn.pictures]


@pytest.mark.parametrize("run", [1, 2, 3])
def test_a_lack_of_memory_sends_the_newest_job_back_and_the_older_one_is_drawn_whosever_step_it_was(
    scarcity: Scarcity, run: int
) -> None:
    alone = scarcity.drawn_alone(1, 2)
    scarcity.wait()
    older = scarcity.studio.draw(scarcity.checkpoint, *[request("a heart", seed, **_SIZE) for seed in (1, 2)])
    scarcity.waits()
    newest = scarcity.studio.draw(scarcity.checkpoint, request("rain", 3, **_SIZE))
    scarcity.studio.entered(2)
    # The step at the gate goes well; in the next, which has part of both jobs, one drawing is hit.
    scarcity.tell("denoise", f"lack {2 + run}")
    scarcity.go_on()
    assert isinstance(newest.exception(_MOST_S), RunnerOutOfMemory)
    assert pixels(older.result(_MOST_S)) == alone


@pytest.mark.parametrize("network", ["denoise", "decode"])
def test_a_job_that_is_alone_draws_its_lost_picture_again(scarcity: Scarcity, network: str) -> None:
    alone = scarcity.drawn_alone(1, 2, 3, 4)
    scarcity.tell(network, "lack 2")
    assert scarcity.drawn_alone(1, 2, 3, 4) == alone
    assert not (scarcity.told / network).exists(), "it did lack memory"


def test_a_single_picture_that_lacks_memory_at_its_end_is_out_of_memory(scarcity: Scarcity) -> None:
    scarcity.tell("decode", "lack 1")
    with pytest.raises(RunnerOutOfMemory):
        scarcity.drawn_alone(1)
    assert scarcity.drawn_alone(1)


def test_a_fault_ends_the_job_whose_drawing_it_was_and_no_other(scarcity: Scarcity) -> None:
    alone = scarcity.drawn_alone(1)
    scarcity.wait()
    calls = [scarcity.studio.draw(scarcity.checkpoint, request("a heart", 1, **_SIZE)) for _ in range(3)]
    scarcity.studio.entered(3)
    scarcity.waits()
    scarcity.tell("denoise", "fault 4")
    scarcity.go_on()
    errors = [call.exception(_MOST_S) for call in calls]
    failed = [error for error in errors if error is not None]
    assert [error.code for error in failed if isinstance(error, JobFailed)] == ["internal_error"]
    assert len(failed) == 1
    assert [pixels(call.result()) for call, error in zip(calls, errors, strict=True) if error is None] == [alone] * 2


def test_adapters_that_were_attached_are_counted(scarcity: Scarcity) -> None:
    scarcity.drawn_alone(1)
    before = scarcity.studio.engine.stats()["memory_used_bytes"]
    adapter = request("a heart", 1, adapters=((lora("sd"), 1.0),), **_SIZE)
    scarcity.studio.draw(scarcity.checkpoint, adapter).result(_MOST_S)
    weights = sum(file.stat().st_size for file in lora("sd").glob("*.safetensors"))
    added = scarcity.studio.engine.stats()["memory_used_bytes"] - before
    assert weights / 4 < added <= weights
