"""A worker's folders in the data folder: its cache and those of its jobs, which are its alone while it holds a lock."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_LOCK_PATIENCE: Final = 50  # times 0.2 s
_SWEEP_EVERY_S: Final = 600.0
# Hosts may share the folder by a file system that keeps locks to each host: a worker there is known by its signs of
# life, which come every few seconds.
_SILENT_S: Final = 900.0
_GONE: Final = ".gone-"


class WorkerFolders:
    """The folders of the worker `name`; a container's worker has another name each time it is made."""

    def __init__(self, data: Path, name: str) -> None:
        self._data, self._name = data, name
        self._lock = self._lock_of(name)
        self._swept_at: float | None = None
        self.cache, self.work = (place / name for place in self._places)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the lock, for which it waits a little; ends the process if another worker has the name.

        Whatever a killed life of this worker left of its jobs is removed; its cache stays, but for what was under way.
        """
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        pause = threading.Event()
        with self._lock.open("w") as file:
            for _ in range(_LOCK_PATIENCE):
                if _locked(file.fileno()):
                    break
                pause.wait(0.2)
            else:
                sys.exit(f"another worker has the name {self._name!r}; give this one another with --name")
            self.say_alive()
            shutil.rmtree(self.work, ignore_errors=True)
            for part in self.cache.glob("objects/*/*.part"):
                part.unlink(missing_ok=True)
            yield

    def say_alive(self) -> None:
        """For workers on other hosts that share the folder."""
        with suppress(OSError):  # a missing sign must not end the work
            os.utime(self._lock)

    def remove_abandoned(self) -> None:
        """Removes the folders of workers that are gone for good; looks once in ten minutes."""
        if self._swept_at is not None and time.monotonic() - self._swept_at < _SWEEP_EVERY_S:
            return
        self._swept_at = time.monotonic()
        found = [folder for place in self._places for folder in place.glob("*") if folder.name != self._name]
        for name in {folder.name for folder in found if not folder.name.startswith(_GONE)}:
            self._set_aside(name)
        for left in [folder for place in self._places for folder in place.glob(f"{_GONE}*")]:
            shutil.rmtree(left, ignore_errors=True)

    @property
    def _places(self) -> tuple[Path, Path]:
        return self._data / "cache", self._data / "work"

    def _lock_of(self, name: str) -> Path:
        return self._data / "workers" / f"{name}.lock"

    def _set_aside(self, name: str) -> None:
        """Renamed under the lock and removed without it: a worker that takes the name does not wait for that."""
        try:
            lock = os.open(self._lock_of(name), os.O_RDWR)
        except OSError:  # no worker's folder, or not ours to judge
            return
        try:
            if time.time() - os.fstat(lock).st_mtime < _SILENT_S or not _locked(lock):
                return
            for place in self._places:
                with suppress(FileNotFoundError):
                    (place / name).rename(place / f"{_GONE}{os.urandom(8).hex()}")
        finally:
            os.close(lock)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
