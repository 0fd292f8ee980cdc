"""The worker's cache forgets what was used longest ago, and with it the folders that would keep the bytes on disk."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from impasto.backends.objects import S3Objects
from impasto.backends.postgres.artifacts import PostgresArtifacts
from impasto.backends.postgres.pools import engine_pool
from impasto.settings import Settings
from impasto_worker.transfer import PIPELINES, Transfer

_HOUR = 3600.0


def _object(cache: Path, name: str, age_s: float) -> Path:
    path = cache / "objects" / "tnt_test" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(1000))
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def _pipeline(cache: Path, name: str, *objects: Path) -> Path:
    folder = cache / PIPELINES / "tnt_test" / name
    (folder / "unet").mkdir(parents=True)
    for source in objects:
        (folder / "unet" / source.name).hardlink_to(source)
    os.utime(folder, (time.time() - 2 * _HOUR,) * 2)
    return folder


def test_a_folder_goes_with_the_first_of_its_files_that_the_cache_forgets(settings: Settings, tmp_path: Path) -> None:
    old, shared, fresh = (_object(tmp_path, n, a) for n, a in (("a", 3 * _HOUR), ("b", _HOUR), ("c", 2 * _HOUR)))
    gone, stays = _pipeline(tmp_path, "ckp_1", old, shared), _pipeline(tmp_path, "ckp_2", shared, fresh)
    broken_off = _pipeline(tmp_path, ".part-x", fresh)
    with engine_pool(settings.engine_database_url, most=1) as pool:
        transfer = Transfer(S3Objects(settings), PostgresArtifacts(pool), tmp_path / "objects", most_bytes=2000)
        transfer._trimmed_at -= _HOUR
        transfer.trim()
    assert [path.exists() for path in (old, shared, fresh)] == [False, True, True]
    assert [folder.exists() for folder in (gone, stays, broken_off)] == [False, True, False]


def test_what_the_newest_job_used_stays_however_large_it_is(settings: Settings, tmp_path: Path) -> None:
    before, used, beside = (_object(tmp_path, n, a) for n, a in (("a", 3 * _HOUR), ("b", 2 * _HOUR), ("c", 2 * _HOUR)))
    with engine_pool(settings.engine_database_url, most=1) as pool:
        transfer = Transfer(S3Objects(settings), PostgresArtifacts(pool), tmp_path / "objects", most_bytes=500)
        transfer._trimmed_at -= _HOUR
        transfer.trim(newest_job_at=time.time() - 2.5 * _HOUR)
    assert [path.exists() for path in (before, used, beside)] == [False, True, True]


@pytest.mark.parametrize(("free", "stays"), [(10**12, True), (2000, False)])
def test_without_a_setting_the_disk_says_how_much_is_kept(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, stays: bool
) -> None:
    """Of 2000 bytes free and 3000 held half is 2500: one object has to go."""
    files = [_object(tmp_path, name, age * _HOUR) for name, age in (("a", 4), ("b", 3), ("c", 2))]
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with engine_pool(settings.engine_database_url, most=1) as pool:
        transfer = Transfer(S3Objects(settings), PostgresArtifacts(pool), tmp_path / "objects")
        transfer._trimmed_at -= _HOUR
        transfer.trim()
    assert [path.exists() for path in files] == [stays, True, True]


def test_a_folder_in_use_keeps_its_objects(settings: Settings, tmp_path: Path) -> None:
    used, idle = _object(tmp_path, "a", 3 * _HOUR), _object(tmp_path, "b", 2 * _HOUR)
    folder = _pipeline(tmp_path, "ckp_1", used)
    # What a slot does that finds the folder there: the link and the object are one file.
    os.utime(folder / "unet" / "a")
    with engine_pool(settings.engine_database_url, most=1) as pool:
        transfer = Transfer(S3Objects(settings), PostgresArtifacts(pool), tmp_path / "objects", most_bytes=1000)
        transfer._trimmed_at -= _HOUR
        transfer.trim()
    assert [path.exists() for path in (used, idle, folder)] == [True, False, True]
