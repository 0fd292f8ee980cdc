"""A studio as a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impasto.testing.processes import Process, answers, eventually, free_port


@contextmanager
def studio_without_gateway(folder: Path) -> Iterator[str]:
    """Runs a studio in front of no gateway at all, its data in `folder`/data; gives its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "IMPASTO_STUDIO_PORT": str(port),
        "IMPASTO_STUDIO_SECRET": "a secret of tests",
        "IMPASTO_GATEWAY_URL": f"http://127.0.0.1:{free_port()}",
        "IMPASTO_DATA": str(folder / "data"),
    }
    process = Process("impasto_studio", environment=environment, log=folder / "log").start()
    try:
        eventually(lambda: answers(f"{url}/healthz"), "the studio lives")
        yield url
    finally:
        process.stop()
