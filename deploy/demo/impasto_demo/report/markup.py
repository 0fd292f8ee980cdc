"""Small pieces of HTML that the sections share. Every text from outside goes through `text`."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from impasto.checkpoints import Measure


def text(value: object) -> str:
    """Escaped for HTML, in text and in attributes."""
    return escape(str(value), quote=True)


def section(number: int, title: str, about: str, body: str) -> str:
    """A numbered part of the page; `about` is a paragraph of HTML beside its `body`."""
    return (
        f'<section><div class="about"><h2><span>{number}</span>{text(title)}</h2><p>{about}</p></div>'
        f"<div>{body}</div></section>"
    )


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Names with their values, as a list of definitions."""
    inside = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="facts">{inside}</dl>'


def figure(uri: str, alt: str, caption: str, *, extra: str = "", kind: str = "") -> str:
    """A picture with a caption of HTML; `extra` stands between the two."""
    return (
        f'<figure class="{kind}"><img src="{uri}" alt="{text(alt)}">{extra}<figcaption>{caption}</figcaption></figure>'
    )


def percent(value: float, digits: int = 1) -> str:
    """0.8137 is 81.4 %, with a space that does not break."""
    return f"{100 * value:.{digits}f} %"


def interval(measure: Measure) -> str:
    """The bounds of a share, in per cent."""
    return f"{100 * measure.low:.1f} to {100 * measure.high:.1f} %"


def duration(seconds: float) -> str:
    """Short times with a tenth, long ones in minutes."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02} s"
