"""The page: whole in itself, true to the outcome, and safe whatever the works are called."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from impasto_demo.outcome import Outcome
from impasto_demo.report.page import render, write_report
from tests.demo.outcomes import HOSTILE, outcome

VOID = {"img", "meta", "br", "line", "polyline", "circle"}


class Nesting(HTMLParser):
    """Follows which elements are open, and keeps every attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Nesting:
    reader = Nesting()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_the_page_asks_nothing_of_the_network_and_runs_nothing(tmp_path: Path) -> None:
    page = render(outcome(tmp_path), tmp_path)
    found = read(page)
    sources = [value for _, name, value in found.attributes if name in {"src", "srcset", "data", "poster"}]
    assert sources
    assert all(source.startswith("data:image/webp;base64,") for source in sources)
    assert {tag for tag, name, _ in found.attributes if name == "href"} <= {"a"}
    assert not re.search(r"<script|<link|@import|url\(|\son\w+=", page)


def test_both_themes_print_and_phones_are_thought_of(tmp_path: Path) -> None:
    page = render(outcome(tmp_path), tmp_path)
    for wanted in ("prefers-color-scheme: dark", "@media print", "max-width: 38rem", "width=device-width"):
        assert wanted in page


def test_the_figures_are_those_of_the_outcome(tmp_path: Path) -> None:
    page = render(outcome(tmp_path), tmp_path)
    for figure in ("81.4 %", "76.4 to 86.4 %", "40 held-out pictures", "61.0 %", "0.071", "61.5 s", "50.0 %"):
        assert figure in page


def test_a_measure_that_was_not_taken_is_not_invented(tmp_path: Path) -> None:
    assert "no hand was left out" in render(outcome(tmp_path), tmp_path)


def test_every_picture_says_what_it_shows(tmp_path: Path) -> None:
    page = render(outcome(tmp_path), tmp_path)
    assert len(re.findall(r"<img ", page)) == len(re.findall(r'<img [^>]*alt="[^"]+"', page))


def test_works_and_licences_are_credited(tmp_path: Path) -> None:
    page = render(outcome(tmp_path), tmp_path)
    footer = page[page.index("<footer>") :]
    for wanted in ("Ada&#x27;s", "Bob&#x27;s", "MIT", "“Cat” by A. Maker (CC0-1.0)", "“Wind”"):
        assert wanted in footer


def test_a_title_cannot_become_markup(tmp_path: Path) -> None:
    page = render(outcome(tmp_path, title=HOSTILE), tmp_path)
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    read(page)


def test_the_json_beside_it_holds_the_whole_outcome(tmp_path: Path) -> None:
    told = outcome(tmp_path)
    page = write_report(told, tmp_path)
    assert page == tmp_path / "report.html"
    assert Outcome.model_validate_json((tmp_path / "report.json").read_text("utf-8")) == told
