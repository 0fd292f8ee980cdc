"""What the terminal says of an evaluation: a figure a row with its interval; what was not measured has no row."""

from __future__ import annotations

from typing import Any

import pytest

from impasto.cli.evaluation_view import show_drawing
from impasto.cli.session import Session
from impasto.kinds.evaluate_text_to_image import EvaluatedTextToImage

_MEASURE = {"value": 0.5, "low": 0.25, "high": 0.75, "count": 8}
_SCENES = {"colour": None, "shape": _MEASURE, "place": _MEASURE, "every": None, "by_style": {"ink": _MEASURE}}
_SHEET = {"sha256": "a" * 64, "media_type": "image/png", "size_bytes": 1}


def _result(**changes: Any) -> EvaluatedTextToImage:
    values = {
        "evaluation": "evl_" + "0" * 26,
        "drawn": 16,
        "prompts": 4,
        "styles": ["ink"],
        "encoder": "pretrained:x@1",
        "held_out_works": 0,
        "learnt_works": 0,
        "scenes_seen": _SCENES,
        "spread": {"seeds": None, "prompts": _MEASURE},
        "stability": {"again": 0, "alone": 1, "requests": 8},
        "sheet": _SHEET,
        "report_sha256": "b" * 64,
    }
    return EvaluatedTextToImage.model_validate(values | changes)


def _said(capsys: pytest.CaptureFixture[str], result: EvaluatedTextToImage) -> tuple[str, str]:
    show_drawing(Session(), result)
    told = capsys.readouterr()
    return told.out, told.err


def test_only_what_was_measured_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = _said(capsys, _result())
    rows = [line.split("  ")[0] for line in out.splitlines()[2:]]
    assert rows == ["shape, shown together", "place, shown together", "spread by prompt"]
    assert "0.250 – 0.750" in out
    assert "drawn alone: 1/255" in err
    assert f"impasto artifact get {'a' * 64} --out sheet.png" in err
    assert "copies.png" not in err


def test_styles_are_listed_under_their_agreement_beside_the_judge(capsys: pytest.CaptureFixture[str]) -> None:
    style = {"drawn": _MEASURE, "by_style": {"ink": _MEASURE}, "real": _MEASURE, "real_by_style": {}}
    copying = {"nearest": _MEASURE, "largest": 0.9, "works": 4, "worst": [], "copy_rate": _MEASURE}
    out, err = _said(capsys, _result(style=style, copying=copying, kid=_MEASURE, copies=_SHEET))
    for row in ("style as asked", "  ink", "the classifier on real works", "copies", "distance to works (KID)"):
        assert f"\n{row} " in out
    assert "copies.png" in err
