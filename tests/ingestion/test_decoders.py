"""The children: what kills one is refused, and the next file finds another."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from PIL import Image

from impasto_ingestion.decoder.confining import MOST_MEMORY_BYTES
from impasto_ingestion.decoder.refusing import Refused
from impasto_ingestion.decoders import Decoders
from tests.ingestion.pictures import encoded, pixel_bomb, scene, text_bomb


@asynccontextmanager
async def running(**settings: float) -> AsyncIterator[Decoders]:
    decoders = Decoders(**settings)  # type: ignore[arg-type]
    try:
        yield decoders
    finally:
        await decoders.close()


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))  # type: ignore[arg-type]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "good").write_bytes(encoded(scene()))
    return tmp_path / "good"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes a decoder about a second or more."""
    path = tmp_path_factory.mktemp("slow") / "slow"
    path.write_bytes(encoded(scene(6000, 6000), compress_level=1))
    return path


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    before = {child.pid for child in psutil.Process().children()}
    yield
    left = [child for child in psutil.Process().children() if child.pid not in before]
    assert not [child for child in left if child.status() != psutil.STATUS_ZOMBIE]


def test_a_child_serves_one_file_after_the_other(good: Path, tmp_path: Path) -> None:
    async def test() -> None:
        async with running() as decoders:
            assert decoders.pids() == []
            first = await decoders.decode(good, tmp_path / "made")
            pids = decoders.pids()
            assert len(pids) == 1
            assert await decoders.decode(good, tmp_path / "made") == first
            assert decoders.pids() == pids

    run(test)


def test_a_refusal_does_not_cost_a_child(tmp_path: Path, good: Path) -> None:
    async def test() -> None:
        async with running() as decoders:
            await decoders.decode(good, tmp_path / "made")
            pids = decoders.pids()
            for data, code in ((pixel_bomb(), "image_too_many_pixels"), (text_bomb(b"zTXt"), "image_decode_failed")):
                (tmp_path / "bad").write_bytes(data)
                with pytest.raises(Refused) as caught:
                    await decoders.decode(tmp_path / "bad", tmp_path / "made")
                assert caught.value.code == code
            assert decoders.pids() == pids

    run(test)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_the_death_of_a_child_refuses_its_file_and_no_other(
    number: signal.Signals, slow: Path, good: Path, tmp_path: Path
) -> None:
    async def test() -> None:
        async with running(slots=1) as decoders:
            await decoders.decode(good, tmp_path / "made")
            victim = asyncio.create_task(decoders.decode(slow, tmp_path / "made"))
            neighbour = asyncio.create_task(decoders.decode(good, tmp_path / "made2"))
            await asyncio.sleep(0.1)
            os.kill(decoders.pids()[0], number)
            with pytest.raises(Refused) as caught:
                await victim
            assert caught.value.code == "image_decode_failed"
            assert (await neighbour).width == 64

    run(test)


def test_a_child_that_died_between_files_is_replaced(good: Path, tmp_path: Path) -> None:
    async def test() -> None:
        async with running(slots=1) as decoders:
            await decoders.decode(good, tmp_path / "made")
            os.kill(decoders.pids()[0], signal.SIGKILL)
            await asyncio.sleep(0.2)
            assert (await decoders.decode(good, tmp_path / "made")).width == 64

    run(test)


def test_a_file_that_takes_too_long_is_refused_and_its_child_replaced(slow: Path, good: Path, tmp_path: Path) -> None:
    async def test() -> None:
        async with running(slots=1, wall_s=0.4) as decoders:
            with pytest.raises(Refused) as caught:
                await decoders.decode(slow, tmp_path / "made")
            assert (caught.value.code, caught.value.data) == ("image_decode_failed", {"limit": 0.4})
            assert decoders.pids() == []

    run(test)


def test_a_request_that_is_cancelled_leaves_no_busy_child(slow: Path, good: Path, tmp_path: Path) -> None:
    async def test() -> None:
        async with running(slots=1) as decoders:
            task = asyncio.create_task(decoders.decode(slow, tmp_path / "made"))
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert decoders.pids() == []
            assert (await decoders.decode(good, tmp_path / "made")).width == 64

    run(test)


def test_a_child_is_replaced_after_its_number_of_files(good: Path, tmp_path: Path) -> None:
    async def test() -> None:
        async with running(slots=1, files_each=2) as decoders:
            seen = []
            for _ in range(3):
                await decoders.decode(good, tmp_path / "made")
                seen.append(decoders.pids())
            assert seen[1] == []
            assert seen[0] != seen[2]

    run(test)


def test_an_idle_child_is_stopped(good: Path, tmp_path: Path) -> None:
    async def test() -> None:
        async with running(idle_s=0.2) as decoders:
            await decoders.decode(good, tmp_path / "made")
            assert decoders.pids()
            await asyncio.sleep(0.6)
            assert decoders.pids() == []

    run(test)


def test_a_busy_child_is_not_taken_for_an_idle_one(slow: Path, good: Path, tmp_path: Path) -> None:
    async def test() -> None:
        async with running(slots=1, idle_s=0.2) as decoders:
            await decoders.decode(good, tmp_path / "made")
            assert (await decoders.decode(slow, tmp_path / "made")).width == 6000

    run(test)


def test_a_child_knows_no_secrets_and_may_not_take_all_the_memory(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_S3_SECRET_KEY", "secret")

    async def test() -> None:
        async with running(slots=1) as decoders:
            await decoders.decode(good, tmp_path / "made")
            child = psutil.Process(decoders.pids()[0])
            assert "secret" not in str(child.environ())
            assert child.rlimit(psutil.RLIMIT_AS)[0] <= MOST_MEMORY_BYTES
            assert child.rlimit(psutil.RLIMIT_CORE)[0] == 0
            assert child.rlimit(psutil.RLIMIT_CPU)[0] < 60
            loaded = {Path(place.path).name for place in child.memory_maps()}
            assert not [name for name in loaded if "torch" in name or "psycopg" in name]
            assert child.memory_info().rss < 80 << 20

    run(test)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_largest_picture_that_is_allowed_fits_into_a_child(mode: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new(mode, (8000, 8000), (10, 20, 30, 40)[: len(mode)])
    (tmp_path / "large").write_bytes(encoded(picture, exif=exif, compress_level=1))

    async def test() -> None:
        async with running(slots=1) as decoders:
            made = await decoders.decode(tmp_path / "large", tmp_path / "made")
            assert (made.width, made.warnings) == (8000, ["rotated by EXIF"])
            # What Pillow frees goes back to the system, at least by the child's end.
            assert psutil.Process(decoders.pids()[0]).memory_info().rss < MOST_MEMORY_BYTES

    run(test)
