"""What of a runner's words gets into a job's log: ours, and of others that they warned, without what they said."""

from __future__ import annotations

import logging
import warnings

import pytest

from impasto.logs import MOST_CHARACTERS, lines_of
from impasto_worker.runner_logging import JobLogHandler

SECRET = "a portrait of my grandmother"


def test_our_words_are_told_and_those_of_others_are_not() -> None:
    said: list[tuple[str, str]] = []
    level = logging.getLogger().level
    logging.getLogger().setLevel("INFO")
    try:
        with JobLogHandler(lambda message, level: said.append((level, message))):
            logging.getLogger("impasto.train").info("step %d", 7)
            logging.getLogger("impasto_ml.sampling").error("too few works")
            logging.getLogger("somebody.pipelines").info("drawing %s", SECRET)
            logging.getLogger("somebody.pipelines").warning("the prompt was cut off: %s", SECRET)
            warnings.warn(SECRET, RuntimeWarning, stacklevel=1)
        logging.getLogger("impasto.train").info("after the end")
    finally:
        logging.getLogger().setLevel(level)
    assert said[:2] == [("info", "step 7"), ("error", "too few works")]
    assert [level for level, _ in said[2:]] == ["warning", "warning"]
    assert "somebody.pipelines" in said[2][1]
    assert "RuntimeWarning" in said[3][1]
    assert "test_runner_logging.py" in said[3][1]
    assert SECRET not in str(said)


def test_a_computation_that_never_stops_talking_is_cut_short() -> None:
    said: list[str] = []
    with JobLogHandler(lambda message, _: said.append(message)) as handler:
        for number in range(1500):
            handler.emit(logging.LogRecord("impasto", logging.INFO, "x.py", 1, "line %d", (number,), None))
    assert len(said) == 1001
    assert said[-1] == "500 more lines were not kept"


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("one\ntwo\n\n  three", ["one", "two", "  three"]),
        ("a\x00b\x1b[31mc", ["a b [31mc"]),
        ("x" * 1000, ["x" * (MOST_CHARACTERS - 1) + "…"]),
        ("", []),
        ("\n \r\n", []),
    ],
)
def test_lines_are_bounded_and_plain(message: str, lines: list[str]) -> None:
    assert lines_of(message) == lines
