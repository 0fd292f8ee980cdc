"""Folders for what is being received: gone in every outcome."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from impasto_ingestion.workplace import Workplace


def test_a_request_folder_is_gone_when_its_request_fails(tmp_path: Path) -> None:
    place = Workplace(tmp_path)

    async def fail() -> None:
        async with place.request_folder() as folder:
            (folder / "a").write_bytes(b"x")
            raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        asyncio.run(fail())
    assert list(place.folder.iterdir()) == []
    place.close()
    assert list(tmp_path.iterdir()) == []


def test_a_request_folder_is_gone_when_its_request_is_cancelled(tmp_path: Path) -> None:
    place = Workplace(tmp_path)

    async def wait() -> None:
        async with place.request_folder() as folder:
            (folder / "a").write_bytes(b"x")
            await asyncio.sleep(60)

    async def cancel() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel())
    assert list(place.folder.iterdir()) == []
    place.close()


def test_a_living_process_keeps_its_folder_and_an_abandoned_one_goes(tmp_path: Path) -> None:
    living = Workplace(tmp_path)
    (tmp_path / "process-dead" / "request-1").mkdir(parents=True)
    another = Workplace(tmp_path)
    assert set(tmp_path.iterdir()) == {living.folder, another.folder}
    living.close()
    another.close()
