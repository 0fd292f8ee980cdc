"""A folder for what is being received, cleaned in every outcome: by the request, or by the next process to start."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class Workplace:
    """This process's folder in `parent`. It holds a lock there, so that another process knows it lives."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned(parent)
        self.folder = Path(tempfile.mkdtemp(prefix="process-", dir=parent))
        self._lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Removes the folder and gives the lock back."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    @asynccontextmanager
    async def request_folder(self) -> AsyncIterator[Path]:
        """A folder that is gone when the block ends, however it ends."""
        folder = Path(tempfile.mkdtemp(prefix="request-", dir=self.folder))
        try:
            yield folder
        finally:
            # Shielded: a request that is being cancelled cleans up too.
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    @staticmethod
    def _remove_abandoned(parent: Path) -> None:
        for folder in parent.glob("process-*"):
            try:
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                continue
            finally:
                os.close(descriptor)
