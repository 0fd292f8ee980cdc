"""A tenant's vectors as one file that grows: rows for a memory map, ids beside them, and how far both are valid.

The database keeps the truth. This is a copy for exact search, brought up to date by what is newer than the last look.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

ID_BYTES: Final = 30
_ROWS_A_LOOK: Final = 2000

After = Callable[[int, int], list[tuple[int, str, bytes]]]


class VectorFile:
    """The rows of one tenant and one encoder; any number of processes may read and refresh it."""

    def __init__(self, folder: Path, vector_bytes: int) -> None:
        self._folder, self._vector_bytes = folder, vector_bytes
        self.vectors, self.ids = folder / "vectors.f16", folder / "ids"

    def refresh(self, after: After, check: Callable[[], None]) -> int:
        """Appends what `after(seq, most)` has beyond the last row, and gives how many rows are valid now.

        Whoever holds that number may read so many rows without a lock: they are never written again.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._locked(), self.vectors.open("ab") as vectors, self.ids.open("ab") as ids:
            seq, rows = self._state()
            # What lies beyond the state was being written when a process died.
            vectors.truncate(rows * self._vector_bytes)
            ids.truncate(rows * ID_BYTES)
            while found := after(seq, _ROWS_A_LOOK):
                check()
                rows += self._append(vectors, ids, found)
                seq = found[-1][0]
                self._keep_state(seq, rows)
        return rows

    def _append(self, vectors: BinaryIO, ids: BinaryIO, found: list[tuple[int, str, bytes]]) -> int:
        for _, artwork, vector in found:
            if len(vector) != self._vector_bytes or len(artwork) != ID_BYTES:
                raise ValueError(f"the vector of {artwork} has {len(vector)} bytes, not {self._vector_bytes}")
            vectors.write(vector)
            ids.write(artwork.encode("ascii"))
        for file in (vectors, ids):
            file.flush()
            os.fsync(file.fileno())
        return len(found)

    def _state(self) -> tuple[int, int]:
        try:
            state: dict[str, Any] = json.loads((self._folder / "state.json").read_text("utf-8"))
        except FileNotFoundError:
            return 0, 0
        return state["seq"], state["rows"]

    def _keep_state(self, seq: int, rows: int) -> None:
        part = self._folder / "state.part"
        part.write_text(json.dumps({"seq": seq, "rows": rows}), "utf-8")
        part.replace(self._folder / "state.json")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
