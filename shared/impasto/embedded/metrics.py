"""Where each part serves `/metrics`, and the file by which Prometheus finds them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from impasto.embedded.files import write_json

_PREFIX = "metrics_"


def own_port(part: str, ports: Mapping[str, int]) -> int | None:
    """The port on which a part without an API serves its metrics; None for a part that has none."""
    return ports.get(_PREFIX + part.replace("-", "_"))


def metrics_ports(gateway_port: int, ports: Mapping[str, int]) -> dict[str, int]:
    """Every part that serves `/metrics`, and the port."""
    own = {name: port for name, port in ports.items() if name.startswith(_PREFIX)}
    named = {name.removeprefix(_PREFIX).replace("_", "-"): port for name, port in own.items()}
    return {"gateway": gateway_port, "ingestion": ports["ingestion"], **named}


def write_targets(path: Path, served: Mapping[str, int]) -> None:
    """Writes the file for Prometheus' `file_sd_configs`; a running Prometheus notices that it changed."""
    write_json(path, [{"targets": [f"127.0.0.1:{port}"], "labels": {"part": part}} for part, port in served.items()])
