"""Other people's images, without pulling: Debian's packages under the tags that the compose file names."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from impasto_smoke.daemon import docker
from impasto_smoke.given import minio_code
from impasto_smoke.images import LABEL, bring, there
from impasto_smoke.running import run, tell

_FOLDER: Final = Path(__file__).parents[1] / "standins"
PYTHON: Final = "python:3.11-slim-bookworm"
_SERVERS: Final = "impasto-smoke/servers:bookworm"
_PACKAGES: Final = {
    "python": "ca-certificates,python3,python3-venv,python3-pip",
    "servers": "ca-certificates,curl,nginx-light,postgresql-15,prometheus,redis-server",
}
# The tag that the compose file asks for, and what stands behind it here.
STANDINS: Final = {
    "postgres": ("postgres:17.6-bookworm", "Debian's PostgreSQL 15"),
    "redis": ("redis:7.2.11-bookworm", "Debian's Redis 7.0"),
    "minio": ("minio/minio:RELEASE.2025-09-07T16-13-09Z", "MinIO's gateway code, from juicefs 1.4.2"),
    "nginx": ("nginx:1.28.0-bookworm", "Debian's nginx 1.22"),
    "prometheus": ("prom/prometheus:v2.53.5", "Debian's Prometheus 2.42"),
}


def roots(cache: Path) -> None:
    """Two small Debian systems, made once by debootstrap."""
    for name, packages in _PACKAGES.items():
        root, mark = cache / f"{name}-root", cache / f"{name}-root.packages"
        if mark.exists() and mark.read_text() == packages:
            continue
        tell(f"{name}: by debootstrap, some minutes")
        shutil.rmtree(root, ignore_errors=True)
        run(["debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", root], most_s=3600)
        for package in (root / "var/cache/apt/archives").glob("*.deb"):
            package.unlink()
        mark.write_text(packages)


def bases(cache: Path) -> None:
    """The image that ours are built on, and the one that the stand-ins are built on."""
    if not there(PYTHON):
        root = cache / "python-root"
        for name in ("python", "python3"):
            # Where the official image has them.
            (root / "usr/local/bin" / name).unlink(missing_ok=True)
            (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
        bring(PYTHON, root)
    if not there(_SERVERS):
        bring(_SERVERS, cache / "servers-root")
    tell(f"{PYTHON}: stand-in: Debian 12 by debootstrap, with its Python 3.11")


def build(cache: Path) -> None:
    """An image for each server, named for what it is."""
    for name, (tag, truth) in STANDINS.items():
        with tempfile.TemporaryDirectory() as folder:
            context = Path(shutil.copytree(_FOLDER / name, Path(folder) / name))
            if name == "minio":
                shutil.copy(minio_code(cache), context / "juicefs")
            options = ("--build-arg", f"BASE={_SERVERS}", "--label", LABEL)
            run([docker(), "build", "--quiet", "-t", tag, *options, context])
        tell(f"{name}: stand-in for {tag}: {truth}")
