"""A worker's folders: cleared when it takes them, and removed by others once it is gone for good."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from impasto_worker import worker_folders
from impasto_worker.worker_folders import WorkerFolders
from tests.asking import ended, submit

_LONG_S = 3600.0


def _used(data: Path, name: str, silent_s: float = 0.0) -> WorkerFolders:
    """The folders of a worker that had a job and was killed so long ago."""
    folders = WorkerFolders(data, name)
    with folders.held():
        for place in (folders.cache / "objects" / "tnt_a", folders.work / "job_1-x"):
            place.mkdir(parents=True)
            (place / "file").write_bytes(b"x")
            (place / "file.part").write_bytes(b"x")
    os.utime(data / "workers" / f"{name}.lock", (time.time() - silent_s,) * 2)
    return folders


def _are_there(folders: WorkerFolders) -> list[bool]:
    return [folders.cache.exists(), folders.work.exists()]


def test_what_a_killed_life_left_of_its_jobs_goes_and_its_cache_stays(tmp_path: Path) -> None:
    folders = _used(tmp_path, "w")
    with folders.held():
        assert _are_there(folders) == [True, False]
        assert [path.name for path in (folders.cache / "objects" / "tnt_a").iterdir()] == ["file"]


def test_folders_of_workers_that_are_gone_are_removed_and_no_others(tmp_path: Path) -> None:
    gone, lives = _used(tmp_path, "gone", _LONG_S), _used(tmp_path, "lives")
    elsewhere = _used(tmp_path, "elsewhere", 60)  # its lock is not seen here, its signs of life are
    (tmp_path / "cache" / "nobody's").mkdir()
    mine = WorkerFolders(tmp_path, "mine")
    with mine.held(), lives.held():
        os.utime(tmp_path / "workers" / "lives.lock", (time.time() - _LONG_S,) * 2)
        (mine.work / "job_2-x").mkdir(parents=True)
        mine.remove_abandoned()
        assert _are_there(gone) == [False, False]
        assert lives.cache.exists()
        assert _are_there(elsewhere) == [True, True]
        assert (mine.work / "job_2-x").exists()
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["elsewhere", "lives", "nobody's"]


def test_a_removal_that_was_cut_off_is_ended_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "cache" / ".gone-0123").mkdir(parents=True)
    WorkerFolders(tmp_path, "mine").remove_abandoned()
    assert list((tmp_path / "cache").iterdir()) == []


def test_two_workers_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_folders, "_LOCK_PATIENCE", 1)
    first, second = WorkerFolders(tmp_path, "w"), WorkerFolders(tmp_path, "w")
    with first.held(), pytest.raises(SystemExit, match="another worker has the name 'w'"), second.held():
        raise AssertionError("both hold it")


def test_the_folder_of_a_job_whose_worker_was_killed_is_gone_when_the_worker_is_back(
    stack: Stack, tmp_path: Path
) -> None:
    stack.start_gateway()
    worker, gate = stack.start_worker("w", ["test"], slots=1), tmp_path / "gate"
    gate.touch()
    job = submit(stack, "test.stamp", {"text": "x", "gate": str(gate), "pause_at": "uploaded"})
    eventually(gate.with_suffix(".uploaded").exists, "it has put something there")
    left = list((stack.settings.data_folder / "work" / "w").iterdir())
    assert len(left) == 1
    worker.kill()
    gate.unlink()
    stack.start_worker("w", ["test"], slots=1)
    assert ended(stack, job["id"])["state"] == "succeeded"
    assert not left[0].exists()
