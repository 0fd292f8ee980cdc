"""Analyses and lineage as a terminal shows them."""

from __future__ import annotations

from typing import Any

import pytest

from impasto.cli.analysis_view import draw
from impasto.cli.session import Session
from impasto.kinds.analyse_artwork import AnalysedArtwork
from tests.cli.run import impasto, read_json
from tests.client.scripted import Say, scripted


def _analysis(**changes: Any) -> AnalysedArtwork:
    swatches = [{"name": "prussian blue", "hex": "#003153", "share": 0.7}, {"name": "x", "hex": "bad[/]", "share": 0.3}]
    return AnalysedArtwork.model_validate(
        {
            "palette": {"swatches": swatches, "temperature_word": "cool", "harmony": "analogous", "contrast": 0.5},
            "composition": {"thirds": 0.25, "balance": 1.0, "later": 3},
            "quality": {"sharpness": {"value": 1, "score": 0.5, "word": "soft"}, "overall": 0.5},
            "style": {"label": "ink", "unknown": False, "unknown_score": 0.1, "confidence": {"oil": 0.1, "ink": 0.9}},
            "tags": {"wave": 0.9},
            "nsfw": 0.0,
            "neighbours": [{"artwork": "art_1", "caption": "[red]not markup[/red]", "artist": "A", "similarity": 0.9}],
            "sheet": {"sha256": "0", "media_type": "image/png", "size_bytes": 1},
            "compute_seconds": 1.0,
            **changes,
        }
    )


def _drawn(capsys: pytest.CaptureFixture[str], **changes: Any) -> str:
    draw(Session(), _analysis(**changes))
    return capsys.readouterr().out


def test_an_analysis_shows_each_part(capsys: pytest.CaptureFixture[str]) -> None:
    out = _drawn(capsys)
    for text in ("prussian blue", "70%", "analogous · cool · contrast 50%", "subject on thirds", "soft", "wave 90%"):
        assert text in out
    assert out.index("ink") < out.index("oil"), "the likeliest hand comes first"
    assert "━" * 18 + "·" * 2 in out, "readable without colours"


def test_what_users_wrote_is_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    assert "[red]not markup[/red]" in _drawn(capsys)


def test_parts_that_were_not_asked_for_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    out = _drawn(capsys, style=None, neighbours=[], tags={}, composition={}, palette={})
    assert not any(title in out for title in ("Hand", "Nearest", "Tags", "Composition", "Palette"))


def test_a_hand_nobody_knows_is_said_to_be_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    style = {"label": "ink", "unknown": True, "unknown_score": 0.9, "confidence": {"ink": 0.6}}
    assert "none that the checkpoint knows" in _drawn(capsys, style=style)


def _node(name: str, depth: int, **changes: Any) -> dict[str, Any]:
    return {"id": name, "what": "artwork", "label": f"label of {name}", "depth": depth, **changes}


def _edge(source: str, target: str) -> dict[str, Any]:
    return {"source": source, "target": target, "relation": "content_of", "job_id": "job_1"}


def _lineage(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], *arguments: str) -> Any:
    graph = {"root": "r", "direction": "up", "nodes": nodes, "edges": edges, "truncated": False}
    with scripted(lambda *_: Say(graph)) as server:
        return impasto("lineage", "r", *arguments, url=server.url)


def test_lineage_is_a_tree_with_licences() -> None:
    nodes = [_node("r", 0), _node("a", 1, licence="CC0-1.0"), _node("b", 2)]
    result = _lineage(nodes, [_edge("a", "r"), _edge("b", "a")])
    lines = result.stdout.splitlines()
    assert "label of r" in lines[0]
    assert lines[1].startswith("└── made from artwork label of a")
    assert "CC0-1.0" in lines[1]
    assert lines[2].startswith("    └── ")
    assert "2 works behind it; licences: CC0-1.0" in result.stderr


def test_downwards_relations_are_read_the_other_way() -> None:
    graph = {
        "root": "r",
        "direction": "down",
        "nodes": [_node("r", 0), _node("a", 1)],
        "edges": [_edge("r", "a")],
        "truncated": False,
    }
    with scripted(lambda *_: Say(graph)) as server:
        result = impasto("lineage", "r", "--down", url=server.url)
    assert "└── became artwork label of a" in result.stdout
    assert server.asked[0].path.endswith("?direction=down")


def test_a_circle_and_a_crowd_do_not_flood_the_tree() -> None:
    crowd = [_node(f"n{number}", 1) for number in range(40)]
    edges = [_edge(node["id"], "r") for node in crowd] + [_edge("r", "n0")]
    result = _lineage([_node("r", 0), *crowd], edges)
    assert "… and 28 more (--all)" in result.stdout
    assert result.stdout.count("label of r") == 2
    assert "… and" not in _lineage([_node("r", 0), *crowd], edges, "--all").stdout


def test_a_chain_longer_than_the_stack_is_drawn_as_json_and_as_tree() -> None:
    nodes = [_node("r", 0)] + [_node(f"n{number}", number) for number in range(1, 200)]
    edges = [_edge("n1", "r")] + [_edge(f"n{number + 1}", f"n{number}") for number in range(1, 199)]
    assert "label of n19" in _lineage(nodes, edges).stdout
    assert len(read_json(_lineage(nodes, edges, "--json"))["nodes"]) == 200
