"""The pictures a job has made, large, each with what can be done next."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from impasto_studio.pieces.basic import box, link, picture, picture_url, words
from impasto_studio.pieces.jobs import pictures_of
from impasto_studio.pieces.viewer import Viewer
from impasto_studio.words import say


def show_results(result: dict[str, Any], viewer: Viewer, captions: list[str] | None = None) -> None:
    """Every picture of the result; a click opens it with its lineage."""
    digests = pictures_of(result)
    with box("results one" if len(digests) == 1 else "results"):
        for index, digest in enumerate(digests):
            _result(digest, viewer, captions[index] if captions and index < len(captions) else "")


def _result(digest: str, viewer: Viewer, caption: str) -> None:
    identifier = f"sha256:{digest}"
    with box("result", "figure"):
        with box("result-picture", "button").props('type="button"') as made:
            made.props["aria-label"] = say("open_picture")
            picture(digest, caption or say("made_here"))
        made.on("click", partial(viewer.open, identifier))
        with box("result-foot", "figcaption"):
            if caption:
                words(caption, "result-caption", "span")
            link(say("redraw"), f"/create?picture={quote(identifier, safe='')}", look="plain-link")
            save = link(say("save"), picture_url(digest, save=True), look="plain-link")
            save.props["download"] = digest[:12]
