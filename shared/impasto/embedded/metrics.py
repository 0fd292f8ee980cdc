"""Where each part serves `/metrics`, and the file by which Prometheus finds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from impasto.embedded.files import write_json

_PREFIX = "metrics_"
_WITH_PAGES = ("ingestion", "studio")


def own_port(part: str, ports: Mapping[str, int]) -> int | None:
    """The port on which a part without an API serves its metrics; None for a part that has none."""
    return ports.get(_PREFIX + part.replace("-", "_"))


def metrics_ports(parts: Iterable[str], gateway_port: int, ports: Mapping[str, int]) -> dict[str, int]:
    """Those of the parts that serve `/metrics`, and the port: that of their pages, or one of its own."""
    pages = {"gateway": gateway_port, **{name: ports[name] for name in _WITH_PAGES if name in ports}}
    found = {part: pages.get(part) or own_port(part, ports) for part in parts}
    return {part: port for part, port in found.items() if port}


def write_targets(path: Path, served: Mapping[str, int]) -> None:
    """Writes the file for Prometheus' `file_sd_configs`; a running Prometheus notices that it changed."""
    write_json(path, [{"targets": [f"127.0.0.1:{port}"], "labels": {"part": part}} for part, port in served.items()])
