"""What is said of each file: fields for all, lines for one, defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from impasto.artworks import ArtworkMetadata
from impasto.errors import InvalidInput
from impasto_ingestion.captions import said_of_each
from impasto_ingestion.form import Form, SentFile
from impasto_ingestion.names import clean_file_name, subject_from


def form(*names: str, lines: list[Any] | bytes = b"", **fields: str) -> Form:
    metadata = lines if isinstance(lines, bytes) else "\n".join(json.dumps(line) for line in lines).encode()
    return Form([SentFile(name, Path(name)) for name in names], fields, metadata)


def said(given: Form) -> list[ArtworkMetadata]:
    found = said_of_each(given)
    return [one for one in found if isinstance(one, ArtworkMetadata)]


def test_fields_are_for_all_and_a_line_overrides_them_for_one() -> None:
    both = said(form("a.png", "b.png", lines=[{"file_name": "b.png", "caption": "a bee"}], caption="all", artist="X"))
    assert [one.caption for one in both] == ["all", "a bee"]
    assert [one.artist for one in both] == ["X", "X"]


def test_the_subject_is_what_was_said_or_the_title_or_the_file_name() -> None:
    assert said(form("red_heart-2.png"))[0].subject == "red heart 2"
    assert said(form("x.png", title="The Wave"))[0].subject == "The Wave"
    assert said(form("x.png", title="The Wave", subject="sea"))[0].subject == "sea"


def test_a_bad_line_refuses_its_own_file_only() -> None:
    lines = [{"file_name": "a.png", "consent": "perhaps"}, {"file_name": "b.png", "caption": "fine"}]
    first, second = said_of_each(form("a.png", "b.png", lines=lines))
    assert isinstance(first, InvalidInput)
    assert (first.code, first.data["field"]) == ("metadata_invalid", "consent")
    assert isinstance(second, ArtworkMetadata)


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ([{"file_name": "other.png"}], 1),
        ([{"file_name": "a.png"}, {"caption": "whose?"}], 2),
        ([{"file_name": "a.png"}, {"file_name": "a.png"}], 2),
        ([{"file_name": 5}], 1),
        ([["a.png"]], 1),
        (b'\n{"file_name": "a.png"', 2),
        (b"[" * 100_000, 1),
        (b"\xff", None),
    ],
)
def test_a_line_that_belongs_to_no_file_refuses_the_request(lines: Any, line: int | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        said_of_each(form("a.png", lines=lines))
    assert caught.value.code == "metadata_invalid"
    assert caught.value.data.get("line") == line


@pytest.mark.parametrize(
    "fields", [{"consent": "maybe"}, {"caption": "x" * 4001}, {"title": "nul\0"}, {"artist": "x" * 301}]
)
def test_a_bad_field_refuses_the_request(fields: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        said_of_each(form("a.png", **fields))
    assert caught.value.data["field"] in fields
    assert "x" * 20 not in caught.value.message


def test_an_unknown_name_in_a_line_is_told_without_repeating_it() -> None:
    (error,) = said_of_each(form("a.png", lines=[{"file_name": "a.png", "captoin-secret": "x"}]))
    assert isinstance(error, InvalidInput)
    assert "secret" not in json.dumps(error.as_record())


def test_names_match_however_they_are_written() -> None:
    lines = [{"file_name": "folder/he\u0301.png", "caption": "found"}]
    assert said(form("h\u00e9.png", lines=lines))[0].caption == "found"


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("", "unnamed"),
        ("..", "unnamed"),
        ("a/b\\c.png", "c.png"),
        ("\0\u202egnp.exe", "gnp.exe"),
        ("x" * 300 + ".png", "x" * 251 + ".png"),
    ],
)
def test_file_names_are_cleaned(sent: str, name: str) -> None:
    assert clean_file_name(sent) == name


def test_a_subject_from_a_name_has_no_punctuation_of_files() -> None:
    assert subject_from("cat__face-with  smile.PNG") == "cat face with smile"
