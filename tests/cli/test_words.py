"""Times, sizes and counts read as a person would say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from impasto.cli import words

_NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7300, "2 h ago"),
        (86400, "1 day ago"),
        (3 * 86400, "3 days ago"),
        (90 * 86400, "2026-01-31"),
        (-90, "in 1 min"),
    ],
)
def test_ago(seconds: float, said: str) -> None:
    assert words.ago(_NOW - timedelta(seconds=seconds), _NOW) == said


def test_no_moment_is_a_dash() -> None:
    assert words.ago(None) == "–"


@pytest.mark.parametrize(("seconds", "said"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.9, "12 s"), (3599, "59 min")])
def test_span(seconds: float, said: str) -> None:
    assert words.span(seconds) == said


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (31_400, "31 kB"), (999_600, "1.0 MB"), (5e12, "5.0 TB")],
)
def test_size(size_bytes: float, said: str) -> None:
    assert words.size(size_bytes) == said


def test_counts_agree_with_their_noun() -> None:
    assert [words.count(n, "work") for n in (0, 1, 1250)] == ["0 works", "1 work", "1,250 works"]


def test_short_keeps_to_one_line() -> None:
    assert words.short("a\n  b") == "a b"
    assert words.short("x" * 60, 10) == "x" * 9 + "…"
