"""Our images, built from the repository's Dockerfile without a network."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from impasto_smoke.daemon import docker
from impasto_smoke.given import LOCKS
from impasto_smoke.running import Failed, run, tell

LABEL: Final = "impasto.smoke=1"
_WHEELS: Final = "impasto-smoke/wheels"
_KEPT: Final = "6GB"


def build(cache: Path) -> None:
    """Builds `server`, `studio` and `worker`; layers of an earlier run are used again."""
    tag = f"{_WHEELS}:{(cache / 'wheels.digest').read_text()[:12]}"
    if not there(tag):
        for old in run([docker(), "images", "--quiet", _WHEELS]).split():
            run([docker(), "rmi", "--force", old])
        bring(tag, cache, "wheels")
    for target in LOCKS:
        name = f"impasto-{target}:0.1.0"
        options = ("--build-arg", f"WHEELS={tag}", "--build-arg", "PIP_NO_INDEX=1", "--label", LABEL)
        what = ("-f", "deploy/docker/Dockerfile", "--target", target, "-t", name)
        run([docker(), "build", "--quiet", *what, *options, "."], most_s=1800)
        tell(f"{name}: {int(run([docker(), 'image', 'inspect', '-f', '{{.Size}}', name])) / 1e6:,.0f} MB")

    # What an earlier run built and this one replaced goes; the builder keeps what the next run will use again.
    run([docker(), "image", "prune", "--force", "--filter", f"label={LABEL}"])
    run([docker(), "builder", "prune", "--force", "--keep-storage", _KEPT])


def there(tag: str) -> bool:
    """Whether the daemon has that image."""
    return subprocess.run([docker(), "image", "inspect", tag], capture_output=True, check=False).returncode == 0


def bring(tag: str, folder: Path, *inside: str) -> None:
    """Makes an image of what is in a folder, or of the named things in it.

    Raises:
        Failed: tar or docker did not end well.
    """
    with subprocess.Popen(["tar", "-C", str(folder), "-c", *(inside or (".",))], stdout=subprocess.PIPE) as tar:
        command = [docker(), "import", "--change", f"LABEL {LABEL}", "-", tag]
        done = subprocess.run(command, stdin=tar.stdout, capture_output=True, text=True, check=False)
    if done.returncode or tar.returncode:
        raise Failed(f"docker import {tag}: {done.stderr.strip()}")
