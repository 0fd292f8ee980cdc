"""An engine's process: puts the loop's parts together and hands them what the worker sends. No torch until a call."""

from __future__ import annotations

import logging
import os
import threading
from queue import SimpleQueue
from typing import Any, Final

from impasto.errors import JobFailed
from impasto.faults import trace_of
from impasto_ml.families.memory import release, total_bytes
from impasto_ml.families.registry import family_loader
from impasto_ml.families.text_to_image import TextToImage
from impasto_ml.pretrained import NotFetched
from impasto_worker.computing import device, threads
from impasto_worker.engine_cache import CheckpointCache
from impasto_worker.engine_loop import EngineLoop
from impasto_worker.engine_orders import EngineCheckpoint
from impasto_worker.engine_pictures import PictureWriter
from impasto_worker.engine_roster import Roster, is_fatal
from impasto_worker.frames import send_frame
from impasto_worker.runner_child import connect, is_out_of_memory, listen
from impasto_worker.weight_faults import named_fault

_LOG = logging.getLogger("impasto.engine")
_WIDTH: Final = 16
# What is left is for a GPU's libraries and workspaces; on a processor, for the platform's own processes.
_GPU_SHARE: Final = 0.85
_CPU_SHARE: Final = 0.5


def budget_bytes() -> int:
    """For weights and what is being drawn: as set, or a share of the device's memory."""
    share = _GPU_SHARE if device().startswith("cuda") else _CPU_SHARE
    return int(os.environ.get("IMPASTO_ENGINE_MEMORY_BYTES") or total_bytes(device()) * share)


def load(checkpoint: EngineCheckpoint) -> TextToImage[Any]:
    """The checkpoint on this process's device.

    Raises:
        JobFailed: nobody knows its family, or its files are not what the family needs.
    """
    try:
        loader = family_loader(checkpoint.family)
    except LookupError as error:
        raise JobFailed("model_incompatible", f"no family {checkpoint.family!r} draws from words here") from error
    try:
        return loader(checkpoint.folder, device(), threads())
    except NotFetched as error:
        raise JobFailed(
            "pretrained_missing",
            "pretrained weights that the checkpoint draws with are not installed on this worker",
            hint="run `impasto models fetch`",
        ) from error
    except (ImportError, OSError, ValueError, LookupError, RuntimeError) as error:
        if (fault := named_fault(error)) is not None:
            raise fault from error
        if isinstance(error, ImportError) or is_out_of_memory(error) or is_fatal(error):
            raise
        _LOG.error("a checkpoint could not be loaded\n%s", trace_of(error))
        raise JobFailed("model_corrupt", "the checkpoint's files are not what its family needs") from error


def main() -> None:
    """`python -m impasto_worker.engine_child FD PARENT_PID`."""
    connection, sending = connect(), threading.Lock()
    inbox: SimpleQueue[dict[str, Any]] = SimpleQueue()

    def send(frame: dict[str, Any]) -> None:
        with sending:
            send_frame(connection, frame)

    listen(connection, inbox.put)
    try:
        cache = CheckpointCache(
            budget_bytes(), load, on_loaded=lambda: inbox.put({"op": "loaded"}), on_leave=lambda: release(device())
        )
        roster = Roster(cache, PictureWriter(send, inbox.put), device())
        EngineLoop(inbox, send, roster, int(os.environ.get("IMPASTO_ENGINE_WIDTH") or _WIDTH)).run_for_ever()
    except BaseException as error:  # noqa: BLE001  its words may quote a customer's
        _LOG.error("the engine ends\n%s", trace_of(error))
        # At once: a loader's thread would hold the process, and with it the device's memory.
        os._exit(1)


if __name__ == "__main__":
    main()
