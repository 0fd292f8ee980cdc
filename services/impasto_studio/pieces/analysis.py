"""What `analyse.artwork` found, for the eye first: colours, words, near works, then the whole sheet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from impasto_studio.pieces.basic import box, picture, words
from impasto_studio.words import say

_MOST_TAGS: Final = 10
Open = Callable[[str], Any]


def show(result: dict[str, Any], open_thing: Open) -> None:
    """The result of an analysis."""
    with box("analysis"):
        words(say("analysis"), "subheading")
        _colours(result.get("palette", {}).get("swatches") or [])
        _style(result.get("style"))
        _tags(result.get("tags") or {})
        _neighbours(result.get("neighbours") or [], open_thing)
        if sheet := result.get("sheet"):
            with box("made-picture", "a") as made:
                made.props["href"], made.props["target"] = f"/pictures/{sheet['sha256']}", "_blank"
                picture(sheet["sha256"], say("analysis"))


def _colours(colours: list[dict[str, Any]]) -> None:
    with box("palette"):
        for colour in colours:
            code = str(colour.get("hex", ""))
            with box("swatch") as swatch:
                swatch.style(f"flex-grow: {max(0.06, float(colour.get('share', 0.1))):.3f}; background: {_safe(code)}")
                swatch.props["title"] = f"{colour.get('name', '')} {code}"


def _style(style: dict[str, Any] | None) -> None:
    if style:
        label = say("style.unknown") if style.get("unknown") else str(style.get("label", ""))
        confidence = style.get("confidence", {}).get(style.get("label"))
        words(say("style.hand", label=label) + (f" · {confidence:.0%}" if confidence else ""), "analysis-line", "p")


def _tags(tags: dict[str, float]) -> None:
    with box("tags"):
        for tag, _ in sorted(tags.items(), key=lambda item: -item[1])[:_MOST_TAGS]:
            words(tag, "tag", "span")


def _neighbours(neighbours: list[dict[str, Any]], open_thing: Open) -> None:
    if not neighbours:
        return
    words(say("analysis.near"), "subheading")
    with box("near"):
        for near in neighbours:
            with box("lineage-node", "button").props('type="button"') as made:
                words(f"{near['similarity']:.0%}", "lineage-what", "span")
                words(near.get("caption") or near.get("artist") or near["artwork"], "lineage-label", "span")
            made.on("click", lambda near=near: open_thing(near["artwork"]))


def _safe(code: str) -> str:
    return code if len(code) == 7 and code[0] == "#" and code[1:].isalnum() else "transparent"
