"""What `impasto doctor` looks at; every finding says what to do when something is in the way."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from impasto.embedded import commanding
from impasto.embedded.layout import Layout
from impasto.embedded.ports import is_free
from impasto.embedded.resolve import ADDRESS_VARIABLES, Choice, choose, cluster_major
from impasto.errors import Unavailable
from impasto.settings import Settings

LEAST_DISK_GB = 5.0
LEAST_MEMORY_GB = 2.0
_DEFAULT_PORTS = {"postgres": 5432, "redis": 6379, "s3": 443}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `todo` is empty when there is nothing to do."""

    name: str
    ok: bool
    detail: str
    todo: str = ""

    def as_record(self) -> dict[str, Any]:
        return asdict(self)


def examine(layout: Layout, gateway_port: int, environment: Mapping[str, str]) -> list[Finding]:
    """Looks at this machine; starts nothing and changes nothing."""
    servers = [_server(name, layout, environment) for name in ("postgres", "redis", "s3")]
    return [
        _python(),
        *servers,
        _platform(layout),
        _gateway_port(layout, gateway_port),
        _disk(layout),
        _memory(),
        _gpu(),
        _account(layout),
        *_webhooks(environment),
    ]


def _webhooks(environment: Mapping[str, str]) -> list[Finding]:
    """Said only where the rule on addresses is switched off."""
    if not Settings.from_environment(environment).webhooks_to_anywhere:
        return []
    todo = "unset IMPASTO_WEBHOOK_ALLOW_PRIVATE unless this is a development machine"
    return [Finding("webhooks", True, "may be sent to ANY address, also to private ones and over http", todo)]


def _python() -> Finding:
    ok = sys.version_info >= (3, 11)
    detail = f"{platform.python_version()} at {sys.executable}; {platform.platform()}"
    return Finding("python", ok, detail, "" if ok else "install Python 3.11 or newer")


def _server(name: str, layout: Layout, environment: Mapping[str, str]) -> Finding:
    try:
        choice = choose(name, layout, environment)
    except Unavailable as error:
        return Finding(name, False, error.message, error.hint or "")
    if choice.source == "environment":
        return _given_server(name, environment[ADDRESS_VARIABLES[name]])
    return Finding(name, True, f"{choice.product} {choice.version} at {choice.program} ({_why(choice, layout)})")


def _why(choice: Choice, layout: Layout) -> str:
    pinned = choice.server == "postgres" and cluster_major(layout) is not None
    return choice.reason + ("; pinned by the data folder" if pinned and "written by" not in choice.reason else "")


def _given_server(name: str, address: str) -> Finding:
    parts = urlsplit(address if "://" in address else f"//{address}")
    where = f"{parts.hostname}:{parts.port or _DEFAULT_PORTS[name]}"
    variable = ADDRESS_VARIABLES[name]
    try:
        with socket.create_connection((parts.hostname or "", parts.port or _DEFAULT_PORTS[name]), timeout=3):
            return Finding(name, True, f"yours at {where} ({variable})")
    except OSError as error:
        return Finding(name, False, f"yours at {where} does not answer: {error}", f"start it, or unset {variable}")


def _platform(layout: Layout) -> Finding:
    state = commanding.running(layout)
    if state is None:
        return Finding("platform", True, f"down; data in {layout.data}")
    unwell = [f"{name} ({part.status})" for name, part in state.parts.items() if not part.well]
    todo = f"impasto logs {unwell[0].split()[0]}" if unwell else ""
    detail = f"up at {state.about.get('url')}" + (f"; not ready: {', '.join(unwell)}" if unwell else "")
    return Finding("platform", not unwell, detail, todo)


def _gateway_port(layout: Layout, port: int) -> Finding:
    if commanding.running(layout) or is_free(port):
        return Finding("gateway port", True, f"{port} of 127.0.0.1" + ("" if is_free(port) else ", ours"))
    return Finding("gateway port", False, f"{port} is in use", f"impasto up --port {port + 10}")


def _disk(layout: Layout) -> Finding:
    existing = next(folder for folder in (layout.data, *layout.data.parents) if folder.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    ok = free_gb >= LEAST_DISK_GB and os.access(existing, os.W_OK)
    todo = "" if ok else f"free some: at least {LEAST_DISK_GB:g} GB, in a folder that can be written"
    return Finding("disk", ok, f"{free_gb:.1f} GB free at {existing}", todo)


def _memory() -> Finding:
    lines = Path("/proc/meminfo").read_text().splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    available_gb = kilobytes["MemAvailable"] / 1e6
    ok = available_gb >= LEAST_MEMORY_GB
    detail = f"{available_gb:.1f} of {kilobytes['MemTotal'] / 1e6:.1f} GB available, {os.cpu_count()} cores"
    return Finding("memory", ok, detail, "" if ok else f"close something: training wants {LEAST_MEMORY_GB:g} GB")


def _gpu() -> Finding:
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding("gpu", True, "none; everything runs on the CPU")
    question = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(question, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("gpu", False, f"nvidia-smi: {error}", "repair the driver, or set CUDA_VISIBLE_DEVICES=-1")
    if answer.returncode:
        said = (answer.stderr or answer.stdout).strip()
        return Finding("gpu", False, f"nvidia-smi: {said}", "repair the driver, or set CUDA_VISIBLE_DEVICES=-1")
    return Finding("gpu", True, "; ".join(answer.stdout.strip().splitlines()))


def _account(layout: Layout) -> Finding:
    if os.geteuid() != 0:
        return Finding("account", True, "not root")
    return Finding("account", True, f"root: PostgreSQL runs as another user, its data in {layout.root_home}")
