"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the sources: what they make runs as it is."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contracts.kept import ROOT

_PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
_RECIPES = dict(re.findall(r"<!-- recipe: (\w+) -->\n```bash\n(.*?)```", _PAGE, re.DOTALL))
_BIN = Path(sys.executable).parent
_SCAFFOLD = ROOT / "deploy" / "scaffold" / "scaffold.py"


@dataclass(frozen=True)
class Made:
    """What a scaffold command said: the files that it wrote and changed, and the commands that come next."""

    wrote: list[str]
    changed: list[str]
    next: list[str]

    @classmethod
    def told(cls, output: str) -> Made:
        parts = dict(re.findall(r"^(\w+)\n((?:  .+\n?)+)", output, re.MULTILINE))
        return cls(*([line.strip() for line in parts[name].splitlines()] for name in ("wrote", "changed", "next")))


def _run(folder: Path, command: str, most_s: float = 500) -> subprocess.CompletedProcess[str]:
    """A command of the page, in the copy, with the copy's sources instead of those that are installed."""
    search = os.pathsep.join([str(folder / "shared"), str(folder / "services")])
    return subprocess.run(
        ["bash", "-c", command.replace(".venv/bin/", f"{_BIN}/")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
        timeout=most_s,
    )


def _passes(folder: Path, command: str) -> str:
    done = _run(folder, command)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _scaffold(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(_SCAFFOLD), *words, "--into", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def _made_by(folder: Path, command: str) -> Made:
    """`make kind …` as the Makefile would do it, but into the copy."""
    dry = ["make", "-n", *command.split()[1:], f"INTO={folder}"]
    told = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    [line] = [line for line in told.splitlines() if "deploy/scaffold/scaffold.py" in line]
    line = line.replace(".venv/bin/", f"{_BIN}/")
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return Made.told(done.stdout)


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for part in ("shared", "services", "tests")
        for path in (folder / part).rglob("*.py")
    }


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that is kept in the repository, free to be added to."""
    folder = tmp_path_factory.mktemp("checkout")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for line in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / line).is_file():
            (folder / line).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / line, folder / line)
    return folder


@pytest.fixture(scope="module")
def made(copy: Path) -> dict[str, Made]:
    """The first command of each recipe was run."""
    return {name: _made_by(copy, commands.splitlines()[0]) for name, commands in _RECIPES.items()}


def test_the_page_has_both_recipes_and_prints_the_commands_that_the_scaffold_names(made: dict[str, Made]) -> None:
    assert set(_RECIPES) == {"kind", "family"}
    for name, commands in _RECIPES.items():
        first, *then = commands.splitlines()
        assert first.startswith(f"make {name} ")
        assert then == made[name].next


def test_each_recipe_writes_its_folder_and_changes_only_where_it_is_registered(made: dict[str, Made]) -> None:
    assert made["kind"].wrote == [
        "shared/impasto/kinds/generate_sepia.py",
        *(f"services/impasto_generate/sepia/{file}.py" for file in ("__init__", "handler", "compute")),
        "tests/generate/test_sepia.py",
    ]
    assert made["kind"].changed == ["shared/impasto/kinds/__init__.py", "services/impasto_generate/handlers.py"]
    assert {str(Path(path).parent) for path in made["family"].wrote} == {
        "shared/impasto_ml/families/scribble",
        "tests/impasto_ml/families",
    }
    assert made["family"].changed == ["shared/impasto_ml/families/registry.py"]


def test_a_registration_is_one_line_more_and_nothing_else_changes(copy: Path, made: dict[str, Made]) -> None:
    for path in ("shared/impasto/kinds/__init__.py", "shared/impasto_ml/families/registry.py"):
        assert any(path in one.changed for one in made.values())
        after = (copy / path).read_text("utf-8").splitlines()
        others = [line for line in after if "sepia" not in line and "scribble" not in line]
        assert others == (ROOT / path).read_text("utf-8").splitlines()
        assert 1 <= len(after) - len(others) <= 2
    kinds = (copy / "shared/impasto/kinds/__init__.py").read_text("utf-8")
    assert re.findall(r"^    (generate_\w+)\.KIND,", kinds, re.MULTILINE)[-1] == "generate_sepia"
    handlers = (copy / "services/impasto_generate/handlers.py").read_text("utf-8")
    assert "    Handler(generate_sepia.KIND, sepia.run),\n]" in handlers


@pytest.mark.timeout(600)
def test_what_is_made_passes_what_every_change_must_pass(copy: Path, made: dict[str, Made], tmp_path: Path) -> None:
    files = [path for one in made.values() for path in (*one.wrote, *one.changed) if path.endswith(".py")]
    sources = [path for path in files if not path.startswith("tests/")]
    _warm(tmp_path)
    _passes(copy, f".venv/bin/ruff format --check {' '.join(files)}")
    _passes(copy, f".venv/bin/ruff check {' '.join(files)}")
    _passes(copy, f".venv/bin/mypy --cache-dir {tmp_path} {' '.join(sources)}")
    _passes(copy, ".venv/bin/lint-imports --no-cache --no-logo")


@pytest.mark.timeout(600)
def test_the_pages_and_the_openapi_document_are_written_anew_as_the_recipe_says(
    copy: Path, made: dict[str, Made]
) -> None:
    update, *_ = made["kind"].next
    assert update.startswith("IMPASTO_UPDATE=1 ")
    _passes(copy, update)
    assert "\n## generate.sepia\n" in (copy / "docs" / "kinds.md").read_text("utf-8")
    assert '"generate.sepia"' in (copy / "tests" / "contracts" / "openapi.json").read_text("utf-8")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("recipe", "command"), [("kind", 1), ("family", 0)], ids=["kind", "family"])
def test_the_tests_of_what_was_made_pass_on_real_servers(
    copy: Path, made: dict[str, Made], models_folder: Path, recipe: str, command: int
) -> None:
    told = _passes(copy, made[recipe].next[command] + " -rA")
    [own] = [path for path in made[recipe].wrote if path.startswith("tests/")]
    assert len(re.findall(rf"^PASSED {re.escape(own)}::", told, re.MULTILINE)) >= 3


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("kind generate.sepia", "services/impasto_generate/sepia exists"),
        ("kind generate.handlers", "services/impasto_generate/handlers.py exists"),
        ("kind train.train", "uses the name 'train' for something else"),
        ("kind sepia", "it is <area>.<noun>"),
        ("kind generate.Sepia", "'Sepia' is no name of a kind"),
        ("kind generate.../../sepia", "is no name of a kind"),
        ("kind generate.class", "'class' is a word of Python"),
        ("kind generate_from_something.a_long_word_or_more", "has at most 40 characters"),
        ("kind dance.tango", "no worker service has the queue 'dance': analyse, evaluate, generate"),
        ("kind generate.tango --queue gateway", "no worker service has the queue 'gateway'"),
        ("kind generate.tango --shape round", "'round' is no shape: pool, run, engine"),
        ("family scribble", "shared/impasto_ml/families/scribble exists"),
        ("family registry", "shared/impasto_ml/families/registry.py exists"),
        ("family flowmini", "shared/impasto_ml/families/flowmini exists"),
        ("family 2d", "'2d' is no name of a family"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason_and_nothing_is_written(
    copy: Path, made: dict[str, Made], words: str, why: str
) -> None:
    before = _tree(copy)
    done = _scaffold(copy, *words.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("nothing was written: ")
    assert why in done.stderr
    assert _tree(copy) == before


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    done = _scaffold(tmp_path, "family", "scribble")
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "is no checkout of Impasto" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        "kind generate.an_exceedingly_long_name_of_30",
        "kind a.b --queue train --shape run",
        "kind zz.draw_by_numbers_and_letters --queue analyse --shape engine",
        "family an_exceedingly_long_name_of_30",
        "family z",
    ],
)
def test_what_is_made_is_laid_out_whatever_its_name(copy: Path, tmp_path: Path, words: str) -> None:
    for part in ("shared", "services", "tests"):
        shutil.copytree(copy / part, tmp_path / part, ignore=shutil.ignore_patterns("*.safetensors", "*.json"))
    shutil.copy(copy / "pyproject.toml", tmp_path)
    done = _scaffold(tmp_path, *words.split())
    assert done.returncode == 0, done.stderr
    made = Made.told(done.stdout)
    files = " ".join(path for path in (*made.wrote, *made.changed) if path.endswith(".py"))
    _passes(tmp_path, f".venv/bin/ruff format --check {files}")
    _passes(tmp_path, f".venv/bin/ruff check {files}")


_LIST = """from impasto.kinds import (
    generate_oil,  # 油画
    train_oil,
)

_BUILT_IN = (
    # 油画
    generate_oil.KIND,  # first
    train_oil.KIND,
)
"""
_HANDLERS = """from impasto.kinds import generate_oil

HANDLERS = ["油画", Handler(generate_oil.KIND, None)]  # 一
"""


def _small_checkout(folder: Path, handlers: str) -> Path:
    for path, text in {
        "shared/impasto/kinds/__init__.py": _LIST,
        "services/impasto_generate/handlers.py": handlers,
    }.items():
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text(text, "utf-8")
    return folder


def test_comments_stay_where_they_are_and_a_kind_stands_beside_its_area(tmp_path: Path) -> None:
    done = _scaffold(_small_checkout(tmp_path, _HANDLERS), "kind", "generate.ink")
    assert done.returncode == 0, done.stderr
    kinds = (tmp_path / "shared/impasto/kinds/__init__.py").read_text("utf-8")
    assert [line.strip() for line in kinds.splitlines()] == [
        "from impasto.kinds import (",
        "generate_ink,",
        "generate_oil,  # 油画",
        "train_oil,",
        ")",
        "",
        "_BUILT_IN = (",
        "# 油画",
        "generate_oil.KIND,  # first",
        "generate_ink.KIND,",
        "train_oil.KIND,",
        ")",
    ]
    handlers = (tmp_path / "services/impasto_generate/handlers.py").read_text("utf-8")
    assert "from impasto_generate.ink import handler as ink\n" in handlers
    assert [line.strip() for line in handlers.splitlines()][-5:] == [
        "HANDLERS = [",
        '"油画",',
        "Handler(generate_oil.KIND, None),",
        "Handler(generate_ink.KIND, ink.run),",
        "]  # 一",
    ]


@pytest.mark.parametrize(
    ("handlers", "why"),
    [
        ("from impasto.kinds import generate_oil\n", "there is no HANDLERS to add to"),
        ("from impasto.kinds import generate_oil\nHANDLERS = []\n", "there are no elements in HANDLERS"),
        ("from impasto.kinds import generate_oil\nHANDLERS = found()\n", "HANDLERS is not written as a list"),
        ("HANDLERS = [1]\n", "nothing is imported from impasto.kinds"),
    ],
)
def test_a_list_that_is_not_as_expected_is_named_and_nothing_is_written(
    tmp_path: Path, handlers: str, why: str
) -> None:
    before = _tree(_small_checkout(tmp_path, handlers))
    done = _scaffold(tmp_path, "kind", "generate.ink")
    assert done.returncode == 1
    assert why in done.stderr
    assert _tree(tmp_path) == before


def test_the_entry_points_that_the_page_shows_are_those_that_the_code_reads() -> None:
    [shown] = re.findall(r"<!-- entry points -->\n```toml\n(.*?)```", _PAGE, re.DOTALL)
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "shared").rglob("*.py"))
    read = set(re.findall(r'entry_points\(group="([\w.]+)"', sources))
    assert set(tomllib.loads(shown)["project"]["entry-points"]) == read


def _warm(cache: Path) -> None:
    """What mypy knows of the libraries already: reading torch anew takes a quarter of a minute."""
    kept = ROOT / ".mypy_cache"
    for database in kept.rglob("*.db"):
        target = cache / database.relative_to(kept)
        target.parent.mkdir(parents=True, exist_ok=True)
        # A backup, because somebody may be checking types at this moment.
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(target)) as copied:
            source.backup(copied)
