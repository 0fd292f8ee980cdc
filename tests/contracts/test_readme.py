"""Example code in the pages is run as it is printed, on a whole platform."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from impasto.testing.stacks import Stack
from tests.contracts.kept import ROOT

_BLOCK = re.compile(r"<!-- runs: (bash|python) -->\n```\1\n(.*?)```", re.DOTALL)
_PAGES = [
    page for page in ("README.md", "docs/quick-start.md", "docs/sdk.md", "docs/pipelines.md") if (ROOT / page).is_file()
]
_EXAMPLES = [
    pytest.param(language, code, id=f"{page}-{number}")
    for page in _PAGES
    for number, (language, code) in enumerate(_BLOCK.findall((ROOT / page).read_text("utf-8")), 1)
]


def _photo(folder: Path) -> None:
    """A picture as a camera would give it, small enough to be drawn quickly; never the same twice."""
    picture = Image.effect_mandelbrot((160, 120), (-2, -1.2, 1, 1.2), 60).convert("RGB")
    picture.putpixel((0, 0), tuple(os.urandom(3)))
    picture.save(folder / "photo.jpg", quality=92)


# Stands where a bare machine has no curl: the same request from the same words, for the options that the pages use.
_CURL = """
import sys
import httpx
words = iter(sys.argv[1:])
headers, fields, files, content, out, url = {}, {}, [], None, None, ""
for word in words:
    if word == "-H":
        name, _, value = next(words).partition(":")
        headers[name] = value.strip()
    elif word == "-F":
        name, _, value = next(words).partition("=")
        if value.startswith("@"):
            files.append((name, (value[1:], open(value[1:], "rb"))))
        else:
            fields[name] = value
    elif word == "-d":
        content = next(words)
    elif word == "-o":
        out = next(words)
    elif word.startswith("http"):
        url = word
    else:
        assert word in ("-sS", "--fail-with-body"), word
body = {"content": content} if content else {"data": fields, "files": files}
answer = httpx.post(url, headers=headers, timeout=60, trust_env=False, **body)
open(out, "wb").write(answer.content) if out else print(answer.text)
sys.exit(22 if answer.is_error else 0)
"""


def _programs(folder: Path) -> list[str]:
    """Where the examples find `impasto`, and a curl if the machine has none."""
    own = [str(Path(sys.executable).parent)]
    if shutil.which("curl") is None:
        stand_in = folder / "programs" / "curl"
        stand_in.parent.mkdir()
        stand_in.write_text(f"#!{sys.executable}\n{_CURL}")
        stand_in.chmod(0o755)
        own.append(str(stand_in.parent))
    return own


@pytest.mark.parametrize(("language", "code"), _EXAMPLES)
def test_an_example_runs_as_it_is_printed(platform: Stack, tmp_path: Path, language: str, code: str) -> None:
    _photo(tmp_path)
    command = ["bash", "-euo", "pipefail", "-c", code] if language == "bash" else [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": os.pathsep.join([*_programs(tmp_path), os.environ["PATH"]]),
            "IMPASTO_URL": platform.url,
            "IMPASTO_API_KEY": platform.api_key,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in re.findall(r"(?:--out |sha256, \")(\w+\.png)", code):
        with Image.open(tmp_path / name) as made:
            assert min(made.size) >= 64, name


def test_the_readme_shows_command_line_python_and_http() -> None:
    found = _BLOCK.findall((ROOT / "README.md").read_text("utf-8"))
    assert [language for language, _ in found] == ["bash", "python", "bash"]
    assert all(
        word in code for word, (_, code) in zip(("impasto ", "from impasto import Client", "curl "), found, strict=True)
    )


def test_the_chinese_readme_prints_the_same_commands() -> None:
    english = (ROOT / "README.md").read_text("utf-8")
    chinese = (ROOT / "README.zh-CN.md").read_text("utf-8")
    lines = {
        line.partition("#")[0].strip()
        for block in re.findall(r"```\w+\n(.*?)```", chinese, re.DOTALL)
        for line in block.splitlines()
    }
    assert {line for line in lines if line and line not in english} == set()
