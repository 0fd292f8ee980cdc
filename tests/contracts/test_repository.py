"""What may not lie in the repository: this machine's paths, registries' addresses, files too long to be read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.contracts.kept import ROOT

_LONGEST_FILE = 400
_STARTER = "shared/impasto_ml/families/flowmini/starter/model.safetensors"
_HOMES = re.compile(r"(?<![\w./<-])/(?:home|Users|root|work)/[\w.-]+")
_REGISTRIES = re.compile(r"--(?:extra-)?index-url|--trusted-host|--find-links|registry\.npmjs|pythonhosted\.org")
_TEXTS = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".json", ".sh", ".sql", ".css", ".html", ".example", ""}


def _files(*folders: str) -> list[Path]:
    """What is tracked, or would be: ignored files are nobody's concern."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def _texts() -> dict[str, str]:
    here = Path(__file__)
    return {
        str(path.relative_to(ROOT)): path.read_text("utf-8", errors="replace")
        for path in _files()
        if path.suffix in _TEXTS and path != here
    }


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert {name: found[0] for name, text in _texts().items() if (found := _HOMES.findall(text))} == {}


def test_no_file_names_a_registry() -> None:
    assert {name: found[0] for name, text in _texts().items() if (found := _REGISTRIES.findall(text))} == {}


def test_no_source_file_is_too_long_to_be_read() -> None:
    sources = [path for path in _files("shared", "services") if path.suffix == ".py"]
    lengths = {str(path): len(path.read_text("utf-8").splitlines()) for path in sources}
    assert {path: length for path, length in lengths.items() if length > _LONGEST_FILE} == {}


def test_nothing_large_is_kept_but_the_starter() -> None:
    large = {str(path.relative_to(ROOT)): path.stat().st_size for path in _files() if path.stat().st_size > 1_000_000}
    assert large.pop(_STARTER, 0) <= 16_000_000
    assert large == {}
