"""Free ports on 127.0.0.1, remembered so that they stay the same next time."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from pathlib import Path

from impasto.embedded.files import read_json, write_json

# Below Linux's range for outgoing connections (32768 and up), which could take a remembered port while we are down.
LOWEST, HIGHEST = 20000, 32000
# SeaweedFS's own worker dials its admin server at this distance, whatever is configured.
SEAWEED_GRPC_OFFSET = 10000
NAMES = (
    "postgres", "redis", "s3", "ingestion", "studio", "s3_grpc", "s3_master", "s3_master_grpc",
    "s3_volume", "s3_volume_grpc", "s3_filer", "s3_filer_grpc", "s3_admin",
    "metrics_reconciler", "metrics_notifier", "metrics_worker_preprocess", "metrics_worker_device",
)  # fmt: skip
# What people type: these are taken the first time if they are free, and remembered like any other.
PREFERRED = {"studio": 8090}


def is_free(port: int) -> bool:
    """Whether nothing listens on that port of 127.0.0.1."""
    with socket.socket() as probe:
        # As the servers do: a connection that lingers in TIME_WAIT does not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose(names: Iterable[str] = NAMES, remembered: dict[str, int] | None = None, reserved: int = 0) -> dict[str, int]:
    """A free port for each name: the remembered one unless somebody else has taken it. `reserved` is given to none."""
    chosen: dict[str, int] = {}
    for name in names:
        port = (remembered or {}).get(name) or PREFERRED.get(name, 0)
        while not port or port == reserved or port in _taken_by(chosen) or not _usable(name, port):
            port = random.randrange(LOWEST, HIGHEST - SEAWEED_GRPC_OFFSET if name == "s3_admin" else HIGHEST)  # noqa: S311  not a secret
        chosen[name] = port
    return chosen


def kept(path: Path, reserved: int = 0) -> dict[str, int]:
    """The ports in `path`, completed and corrected, and written back when they changed."""
    known = {name: port for name, port in read_json(path).items() if isinstance(port, int)}
    chosen = choose(NAMES, known, reserved)
    if chosen != known:
        write_json(path, chosen)
    return chosen


def _usable(name: str, port: int) -> bool:
    return is_free(port) and (name != "s3_admin" or is_free(port + SEAWEED_GRPC_OFFSET))


def _taken_by(chosen: dict[str, int]) -> set[int]:
    return set(chosen.values()) | {port + SEAWEED_GRPC_OFFSET for name, port in chosen.items() if name == "s3_admin"}
