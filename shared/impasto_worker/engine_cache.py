"""The checkpoints an engine holds, within a budget of bytes; the one used longest ago leaves first."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from impasto.errors import JobFailed
from impasto_ml.families.text_to_image import TextToImage
from impasto_worker.engine_orders import EngineCheckpoint

_LOG = logging.getLogger("impasto.engine")
_MIB: Final = 1 << 20


@dataclass(slots=True)
class Loaded:
    """Weights on the device."""

    family: TextToImage[Any]
    size_bytes: int
    used_at: float = field(default_factory=time.monotonic)


class CheckpointCache:
    """Loads in a thread of its own, so that what is drawn meanwhile goes on. Everything else is the loop's alone.

    `on_loaded` is called from that thread when a load has ended, well or badly.
    """

    def __init__(
        self,
        budget_bytes: int,
        load: Callable[[EngineCheckpoint], TextToImage[Any]],
        on_loaded: Callable[[], None],
        on_leave: Callable[[], None] = lambda: None,
    ) -> None:
        self.budget_bytes, self._load, self._on_loaded, self._on_leave = budget_bytes, load, on_loaded, on_leave
        self._loaded: dict[str, Loaded] = {}
        self._loading: dict[str, Future[TextToImage[Any]]] = {}
        # What a checkpoint takes is known once it was loaded; before that an estimate or its files are the measure.
        self._sizes: dict[str, int] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._took_s: deque[float] = deque()
        self.loads = self.evictions = 0

    @property
    def keys(self) -> list[str]:
        """Of what is loaded, the one used last at the end."""
        return sorted(self._loaded, key=lambda key: self._loaded[key].used_at)

    @property
    def used_bytes(self) -> int:
        """By the weights that are loaded or being loaded."""
        return sum(loaded.size_bytes for loaded in self._loaded.values()) + sum(self._sizes[k] for k in self._loading)

    def held(self, key: str) -> Loaded:
        """What is in use and therefore certainly here."""
        return self._loaded[key]

    def get(self, checkpoint: EngineCheckpoint, in_use: Collection[str], drawing_bytes: int) -> Loaded | None:
        """The checkpoint if it is loaded; otherwise it is being loaded, or there is no room for it yet.

        What is in use is never evicted; `drawing_bytes` are taken by what is being drawn.

        Raises:
            JobFailed: it needs more than the whole budget (`memory_exceeded`).
        """
        key = checkpoint.key
        if (loaded := self._loaded.get(key)) is not None:
            loaded.used_at = time.monotonic()
            return loaded
        if key not in self._loading:
            size = self._sizes.setdefault(key, checkpoint.weights_bytes or _files_bytes(checkpoint))
            self._refuse_if_too_large(size)
            if self.make_room(size, in_use, drawing_bytes):
                self._begin(checkpoint)
        return None

    def is_loading(self, key: str) -> bool:
        return key in self._loading

    def settle(self, in_use: Collection[str], drawing_bytes: int) -> dict[str, Exception]:
        """Takes in every load that has ended, whoever still waits for it; gives what went wrong, by key.

        What nobody waits for any more is held like all that is idle, and leaves when its room is needed.
        """
        faults: dict[str, Exception] = {}
        for key in [key for key, future in self._loading.items() if future.done()]:
            try:
                self._take(key, in_use, drawing_bytes)
            except Exception as error:  # noqa: BLE001  the loop knows whose it is
                faults[key] = error
        return faults

    def measure(self, key: str, in_use: Collection[str], drawing_bytes: int) -> None:
        """Counts anew what a checkpoint holds, to which adapters were attached; what is idle may leave for it."""
        loaded = self._loaded[key]
        loaded.size_bytes = loaded.family.memory_bytes
        self.make_room(0, in_use, drawing_bytes)

    def make_room(self, size_bytes: int, in_use: Collection[str], drawing_bytes: int) -> bool:
        """Evicts what is not in use until that much fits beside the rest; if it cannot, nothing is evicted."""
        too_many = self.used_bytes + drawing_bytes + size_bytes - self.budget_bytes
        idle = [key for key in self.keys if key not in in_use]
        if too_many > sum(self._loaded[key].size_bytes for key in idle):
            return False
        for key in idle:
            if too_many <= 0:
                break
            too_many -= self._loaded[key].size_bytes
            self._evict(key)
        return True

    def evict_idle(self, in_use: Collection[str]) -> bool:
        """Evicts all that is not in use; says whether there was any."""
        idle = [key for key in self.keys if key not in in_use]
        for key in idle:
            self._evict(key)
        return bool(idle)

    def told_loads(self) -> list[float]:
        """Seconds of each load that went well since this was asked the last time."""
        return [self._took_s.popleft() for _ in range(len(self._took_s))]

    def _begin(self, checkpoint: EngineCheckpoint) -> None:
        self.loads += 1
        future = self._thread.submit(self._timed, checkpoint)
        self._loading[checkpoint.key] = future
        future.add_done_callback(lambda _: self._on_loaded())

    def _timed(self, checkpoint: EngineCheckpoint) -> TextToImage[Any]:
        began = time.monotonic()
        family = self._load(checkpoint)
        self._took_s.append(time.monotonic() - began)
        return family

    def _take(self, key: str, in_use: Collection[str], drawing_bytes: int) -> None:
        family = self._loading.pop(key).result()
        size = self._sizes[key] = family.memory_bytes
        self._refuse_if_too_large(size)
        if self.make_room(size, in_use, drawing_bytes):
            _LOG.info("loaded a checkpoint of %d MiB", size // _MIB)
            self._loaded[key] = Loaded(family, size)
        else:
            # Larger than its files: now its size is known, and it is loaded again when there is room.
            del family
            self._on_leave()

    def _evict(self, key: str) -> None:
        del self._loaded[key]
        self.evictions += 1
        self._on_leave()

    def _refuse_if_too_large(self, size_bytes: int) -> None:
        if size_bytes > self.budget_bytes:
            raise JobFailed(
                "memory_exceeded",
                f"the checkpoint needs {size_bytes // _MIB} MiB, and the worker has {self.budget_bytes // _MIB} for it",
                hint="give the worker's engine more memory (IMPASTO_ENGINE_MEMORY_BYTES), or take a smaller checkpoint",
                limit=self.budget_bytes,
                actual=size_bytes,
            )


def _files_bytes(checkpoint: EngineCheckpoint) -> int:
    return sum(file.stat().st_size for file in checkpoint.folder.rglob("*.safetensors"))
