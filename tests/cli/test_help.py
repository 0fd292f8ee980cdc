"""The help, the names of commands, and what is loaded to show them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from impasto.cli.lazy import LazyGroup
from impasto.cli.root import SECTIONS, command_names, root
from tests.cli.run import impasto

_HEAVY = ("httpx", "pydantic", "rich", "torch", "celery", "fastapi", "PIL", "numpy")


def test_impasto_alone_shows_every_command_in_its_section_and_examples() -> None:
    result = impasto()
    assert result.exit_code == 0
    for title, section in SECTIONS.items():
        assert f"{title}:" in result.stdout
        assert all(f"\n  {name} " in result.stdout for name in section)
    assert "impasto stylise photo.jpg" in result.stdout


@pytest.mark.parametrize("arguments", [("--help",), ("jobs", "--help"), ("stylise", "--help")])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    code = f"""
import sys
sys.argv = ["impasto", *{arguments!r}]
from impasto.cli import main
try:
    main()
except SystemExit as end:
    print("LOADED", *[name for name in {_HEAVY!r} if name in sys.modules])
    sys.exit(end.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("LOADED")


@pytest.mark.parametrize("name", sorted(command_names()))
def test_every_command_is_where_the_help_says(name: str) -> None:
    found = root.get_command(click.Context(root), name)
    assert isinstance(found, click.Command)


def test_what_the_help_says_of_a_command_is_what_the_command_says_of_itself() -> None:
    own = {name: entry for name, entry in command_names().items() if entry.module.startswith("impasto.cli.")}
    for name, entry in own.items():
        found = root.get_command(click.Context(root), name)
        assert found is not None
        if entry.module != "impasto.cli.platform":
            assert found.short_help == entry.summary


def test_the_plug_ins_of_this_distribution_are_known_without_looking_them_up() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    declared = project["project"]["entry-points"]["impasto.commands"]
    assert set(declared) <= set(command_names())
    assert all(target.split(":")[0] == command_names()[name].module for name, target in declared.items())


@pytest.mark.parametrize(("typed", "meant"), [("jbos", "jobs"), ("stylize", "stylise"), ("analyze", "analyse")])
def test_an_unknown_command_names_the_nearest(typed: str, meant: str) -> None:
    result = impasto(typed)
    assert result.exit_code == 2
    assert f"Did you mean '{meant}'?" in result.stderr


def test_an_unknown_subcommand_is_a_usage_error_too() -> None:
    result = impasto("jobs", "lst")
    assert result.exit_code == 2
    assert "list" in result.stderr


def test_a_command_whose_module_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from impasto.cli.lazy import Entry

    group = LazyGroup(name="g", sections={"S": {"gone": Entry("no_such_module_here", "Gone.")}}, examples=())
    with pytest.raises(click.ClickException, match=r"pip install 'impasto\[worker\]'"):
        group.get_command(click.Context(group), "gone")


def test_no_color_is_respected_and_colour_is_used_otherwise() -> None:
    from click.testing import CliRunner

    plain = CliRunner().invoke(root, ["jobs", "list"], env={"NO_COLOR": "1", "IMPASTO_URL": "nonsense"}, color=True)
    coloured = CliRunner().invoke(root, ["jobs", "list"], env={"NO_COLOR": None, "IMPASTO_URL": "nonsense"}, color=True)
    assert "\x1b" not in plain.output
    assert "\x1b" in coloured.output
