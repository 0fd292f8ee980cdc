"""The pages say what the code is: nothing is missing in them, and they name nothing that is gone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from impasto.backends.web.problems import status_of
from impasto.cli.root import root
from impasto.errors import CODES
from impasto.events import EVENT_DATA
from impasto.jobs import EVENT_TYPES
from impasto.lineage import Relation
from impasto.pipelines.records import PIPELINE_EVENT_TYPES
from impasto.settings import Settings
from impasto.webhooks import WEBHOOK_EVENT_TYPES
from impasto_ml.pretrained.catalogue import CATALOGUE
from tests.contracts import kinds_page
from tests.contracts.kept import ROOT, assert_block_is, table
from tests.contracts.metrics_page import described, metrics_of

_DOCS = ROOT / "docs"
_PAGES = sorted([*ROOT.glob("*.md"), *_DOCS.rglob("*.md")])
_FIRST_CELL = re.compile(r"^\| `([^`]+)`", re.MULTILINE)


def _page(name: str) -> str:
    return (_DOCS / name).read_text("utf-8")


def _named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_every_kind_is_described_as_it_is() -> None:
    assert_block_is(_DOCS / "kinds.md", "kinds", kinds_page.render())


def test_every_event_type_is_described_as_it_is() -> None:
    rows = [[f"`{name}`", meaning] for name, meaning in EVENT_TYPES.items()]
    assert_block_is(_DOCS / "events.md", "events", "\n" + table(["type", "meaning"], rows))
    fields = [
        [f"`{name}`", f"`{field}`", _type_of(data.model_json_schema()["properties"][field]), said.description or ""]
        for name, data in EVENT_DATA.items()
        for field, said in data.model_fields.items()
    ]
    assert_block_is(_DOCS / "events.md", "event-data", "\n" + table(["type", "field", "", "meaning"], fields))
    assert set(re.findall(r"`(job\.[a-z_]+)`", _page("events.md"))) == set(EVENT_TYPES)


def test_every_event_type_of_pipelines_is_described_as_it_is() -> None:
    rows = [[f"`{name}`", meaning] for name, meaning in PIPELINE_EVENT_TYPES.items()]
    assert_block_is(_DOCS / "pipelines.md", "pipeline-events", "\n" + table(["type", "meaning"], rows))


def _type_of(schema: dict[str, Any]) -> str:
    """In words, from a field's JSON schema."""
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    names = [each["type"] for each in schema.get("anyOf", [schema])]
    return " or ".join(names)


def test_every_webhook_event_is_described_as_it_is() -> None:
    rows = [[f"`{name}`", meaning] for name, meaning in WEBHOOK_EVENT_TYPES.items()]
    assert_block_is(_DOCS / "webhooks.md", "webhook-events", "\n" + table(["type", "when"], rows))


def test_every_setting_is_described_as_it_is() -> None:
    rows = [
        [f"`{said['variable']}`", f"`{said['default']}`" if said["default"] else "", said["doc"]]
        for said in (setting.metadata for setting in fields(Settings))
    ]
    assert_block_is(_DOCS / "settings.md", "settings", "\n" + table(["variable", "default", "meaning"], rows))


def test_every_variable_that_the_code_reads_is_in_the_settings_page_and_no_other() -> None:
    read = set()
    for path in [*(ROOT / "shared").rglob("*.py"), *(ROOT / "services").rglob("*.py")]:
        read |= set(re.findall(r"""["'](IMPASTO_[A-Z0-9_]+)["']""", path.read_text("utf-8")))
    told = set(re.findall(r"`(IMPASTO_[A-Z0-9_]+)`", _page("settings.md")))
    assert told == read


def test_the_example_environment_has_every_setting_and_no_other() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    named = {found[1] for line in lines if (found := re.match(r"(?:# )?(IMPASTO_[A-Z0-9_]+)=", line))}
    assert named == {setting.metadata["variable"] for setting in fields(Settings)}


def test_every_error_code_is_described_with_its_meaning_and_status() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]+ \| [^|]+) \|", _page("errors.md"), re.MULTILINE))
    assert set(rows) == set(CODES)
    wrong = {}
    for code, row in rows.items():
        where, _, meaning = row.partition(" | ")
        statuses = set(re.findall(r"\b\d{3}\b", where))
        if meaning.replace("`", "") != CODES[code].replace("`", "") or not statuses <= {str(status_of(code))}:
            wrong[code] = row
    assert wrong == {}


def test_every_metric_is_described_with_its_type_and_labels_and_no_other() -> None:
    counted: dict[str, tuple[str, tuple[str, ...]]] = {}
    for path in [*(ROOT / "shared").rglob("*.py"), *(ROOT / "services").rglob("*.py")]:
        counted |= metrics_of(path.read_text("utf-8"))
    assert {name: (told.kind, told.labels) for name, told in described().items()} == counted


def test_every_metric_has_the_unit_that_its_name_ends_in() -> None:
    base = {"seconds", "bytes"}
    for name, told in described().items():
        ending = name.rpartition("_")[2]
        assert (told.unit if told.unit in base else None) == (ending if ending in base else None), name
        assert told.kind != "histogram" or told.unit in base, name


def _commands(group: click.Group, prefix: str) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def test_every_command_is_described_and_no_other() -> None:
    told = {re.split(r" (?=[A-Z-])", cell)[0] for cell in _FIRST_CELL.findall(_page("cli.md"))}
    assert told == set(_commands(root, "impasto"))


def test_every_option_that_the_page_names_exists() -> None:
    known = {"--json", "--help", "--version", "--url"}
    for words in _commands(root, ""):
        command: click.Command | None = root
        for word in words.split():
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), word)
        assert command is not None
        known |= {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
    assert set(re.findall(r"`(?:[^`]* )?(--[a-z-]+)", _page("cli.md"))) <= known


def test_every_relation_of_lineage_is_in_the_architecture() -> None:
    told = set(re.findall(r"^\| `([a-z]+_[a-z]+)` \|", _page("architecture.md"), re.MULTILINE))
    assert told == set(Relation.__args__)  # type: ignore[attr-defined]


def test_every_dependency_has_its_reason_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted: dict[str, set[str]] = {}
    for extra, packages in {"": project["dependencies"], **project["optional-dependencies"]}.items():
        for package in packages:
            wanted.setdefault(re.split(r"[\[<>=]", package)[0], set()).add(extra)
    page = _page("decisions/0004-dependencies.md")
    rows = re.findall(r"^\| ([a-z][a-z0-9-]+) \| ([a-z, ]*?) ?\|", page, re.MULTILINE)
    told = {package: set(extras.split(", ")) for package, extras in rows if package != "package"}
    assert told == wanted


def test_every_pretrained_package_is_named_with_version_licence_and_maker() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    flat = " ".join(notice.split())
    for package in CATALOGUE:
        assert f"{package.name} {package.version}\n" in notice
        assert package.attribution in flat
        assert f"{package.attribution} Licence: {package.licence}" in flat


def test_decisions_are_numbered_without_gaps_and_say_what_they_must() -> None:
    pages = sorted((_DOCS / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        headings = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)
        assert {"Context", "Decision", "Consequences"} <= set(headings), page.name


@pytest.mark.parametrize("page", _PAGES, ids=_named)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    links = [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r'src="([^"]+)"', text)]
    local = [link.partition("#")[0] for link in links if not link.startswith(("http", "#"))]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", _PAGES, ids=_named)
def test_every_test_and_path_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    for file, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text):
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), f"{file} has no {test}"
    named = re.findall(r"`((?:tests|shared|services|docs|deploy|requirements)/[\w./-]*)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []
