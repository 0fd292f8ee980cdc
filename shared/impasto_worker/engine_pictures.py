"""Writes an engine's pictures and previews, and gives its last answers, in a thread beside the steps."""

from __future__ import annotations

import errno
import io
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from PIL import Image

from impasto.errors import JobFailed
from impasto_ml.sampling.sheets import sheet_of
from impasto_worker.engine_calls import Call

_SHEET_PX: Final = 384
_SHEET_BYTES: Final = 32_000
_BACKGROUND: Final = (128, 128, 128)
# Larger files are written twice as fast as the smallest ones.
_COMPRESSION: Final = 3


class PictureWriter:
    """One thread: what is asked for first is done first, so an answer never overtakes the files it speaks of."""

    def __init__(self, send: Callable[[dict[str, Any]], None], tell_loop: Callable[[dict[str, Any]], None]) -> None:
        self._send, self._tell_loop = send, tell_loop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")

    def write(self, call: Call, index: int, image: Image.Image) -> None:
        """Writes a finished picture; the last one of a call ends it."""
        self._thread.submit(self._guarded, call, lambda: self._write(call, index, image))

    def preview(self, call: Call, images: Mapping[int, Image.Image]) -> None:
        """Writes the contact sheet of a call, with these drawings as they look now."""
        self._thread.submit(self._guarded, call, lambda: self._preview(call, images))

    def answer(self, frame: dict[str, Any]) -> None:
        """Sends what ends a call, after all that was to be written for it before."""
        self._thread.submit(self._send, frame)

    def _guarded(self, call: Call, action: Callable[[], None]) -> None:
        if call.left:
            return
        try:
            action()
        except Exception as error:  # noqa: BLE001  the edge of the thread: the call must hear of it
            if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
                error = JobFailed("storage_full", "the worker's disk is full", hint="free space, then submit again")
            self._tell_loop({"op": "unwritable", "call": call.id, "error": error})

    def _write(self, call: Call, index: int, image: Image.Image) -> None:
        path = call.order.out / f"{index}.png"
        image.save(path, "PNG", compress_level=_COMPRESSION)
        call.written[index] = {"path": str(path), "width": image.width, "height": image.height}
        if call.order.previews and len(call.order.requests) > 1:
            call.sheet[index] = _fitted(image, _cell_px(call))
        if len(call.written) == len(call.order.requests):
            self._send(_result(call))
            self._tell_loop({"op": "written", "call": call.id})

    def _preview(self, call: Call, images: Mapping[int, Image.Image]) -> None:
        cell = _cell_px(call)
        cells = {**{index: _fitted(image, cell) for index, image in images.items()}, **call.sheet}
        path, part = call.order.out / "preview.jpg", call.order.out / "preview.part"
        part.write_bytes(small_jpeg(contact_sheet(cells, len(call.order.requests), cell)))
        part.replace(path)
        self._send({"op": "preview", "call": call.id, "path": str(path)})


def contact_sheet(cells: Mapping[int, Image.Image], count: int, cell_px: int) -> Image.Image:
    """`count` pictures in rows, as square as it gets; those that are not there yet are grey."""
    columns = math.ceil(math.sqrt(count))
    return sheet_of(map(cells.get, range(count)), count, columns, (cell_px, cell_px), ground=_BACKGROUND)


def _cell_px(call: Call) -> int:
    return max(16, _SHEET_PX // math.ceil(math.sqrt(len(call.order.requests))))


def _fitted(image: Image.Image, side_px: int) -> Image.Image:
    scale = side_px / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.convert("RGB").resize(size, Image.Resampling.BILINEAR)


def small_jpeg(image: Image.Image) -> bytes:
    """At most 32 kB: coarser, then smaller, until it fits."""
    while True:
        for quality in (80, 60, 40, 20):
            image.save(buffer := io.BytesIO(), "JPEG", quality=quality)
            if buffer.tell() <= _SHEET_BYTES:
                return buffer.getvalue()
        image = image.reduce(2)


def _result(call: Call) -> dict[str, Any]:
    now = time.monotonic()
    begun_at = call.begun_at or now
    return {
        "op": "result",
        "call": call.id,
        "pictures": [call.written[index] for index in range(len(call.order.requests))],
        "waited_s": round(begun_at - call.arrived_at, 3),
        "drawn_s": round(now - begun_at, 3),
    }
