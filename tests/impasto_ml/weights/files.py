"""Weight files put together byte by byte, as no library would write them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any


def entry(start: int, end: int, dtype: str = "U8", shape: list[Any] | None = None) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [end - start] if shape is None else shape, "data_offsets": [start, end]}


def write(path: Path, header: dict[str, Any] | str | bytes, data: bytes = b"") -> Path:
    """`header` as it stands, or as JSON."""
    text = json.dumps(header) if isinstance(header, dict) else header
    raw = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return path
