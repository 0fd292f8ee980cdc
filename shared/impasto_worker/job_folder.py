"""The folder of one attempt: made when something is first put there, since many jobs need none."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path


class JobFolder:
    """`path` makes it, in `parent` and with `name` at its beginning; `remove` leaves nothing of it."""

    def __init__(self, parent: Path, name: str) -> None:
        self._parent, self._name = parent, name
        self._path: Path | None = None
        self._lock = threading.Lock()

    @property
    def path(self) -> Path:
        """The folder, which is there."""
        with self._lock:
            if self._path is None:
                self._parent.mkdir(parents=True, exist_ok=True)
                self._path = Path(tempfile.mkdtemp(prefix=f"{self._name}-", dir=self._parent))
            return self._path

    def remove(self) -> None:
        """With all that is in it."""
        with self._lock:
            if self._path is not None:
                shutil.rmtree(self._path, ignore_errors=True)
