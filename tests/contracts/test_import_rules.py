"""Every import rule bites: one forbidden import in a copy of the sources breaks that very rule."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.contracts.kept import ROOT

# Of each rule: a file, and the line that must not be in it. A file that does not exist is made.
_BREACHES: dict[str, tuple[str, str]] = {
    "Services never import one another": (
        "services/impasto_gateway/parts.py",
        "import impasto_ingestion.limits",
    ),
    "impasto and impasto_ml do not know each other, nor who builds on them": (
        "shared/impasto/jobs.py",
        "import impasto_ml.pretrained",
    ),
    "impasto_ml knows no job, queue, database or bucket": (
        "shared/impasto_ml/data/shards.py",
        "import minio",
    ),
    "The runtime knows no service": (
        "shared/impasto_worker/slots.py",
        "import impasto_generate.handlers",
    ),
    "Nouns and kinds import no framework": (
        "shared/impasto/jobs.py",
        "import httpx",
    ),
    "The library is layered, and the list is exhaustive": (
        "shared/impasto/errors.py",
        "import impasto.kinds",
    ),
    "No torch where nothing is computed": (
        "shared/impasto_worker/slots.py",
        "import torch",
    ),
}
_CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources and their rules, free to be broken."""
    for folder in ("shared", "services"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _broken(folder: Path) -> list[str]:
    """The names of the rules that do not hold there."""
    search = os.pathsep.join([str(folder / "shared"), str(folder / "services")])
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": search, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    names = [line.removesuffix(" BROKEN") for line in done.stdout.splitlines() if line.endswith(" BROKEN")]
    assert names or done.returncode == 0, done.stdout + done.stderr
    return names


def test_every_rule_holds(copy: Path) -> None:
    assert _broken(copy) == []


def test_every_rule_has_a_breach_here() -> None:
    assert set(_BREACHES) == {contract["name"] for contract in _CONTRACTS}


@pytest.mark.parametrize("rule", _BREACHES)
def test_a_forbidden_import_breaks_its_rule(copy: Path, rule: str) -> None:
    file, line = _BREACHES[rule]
    path = copy / file
    path.write_text(f"{path.read_text('utf-8')}\n{line}\n", "utf-8")
    assert rule in _broken(copy)


def test_a_file_that_nobody_placed_breaks_the_layers(copy: Path) -> None:
    (copy / "shared" / "impasto" / "somewhere.py").write_text('"""Nobody placed this."""\n', "utf-8")
    assert _broken(copy) == ["The library is layered, and the list is exhaustive"]
