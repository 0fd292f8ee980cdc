"""Times, sizes and counts as a person says them."""

from __future__ import annotations

from datetime import UTC, datetime


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """`just now`, `3 min ago`, `2 h ago`, `5 days ago`, then the date."""
    if moment is None:
        return "–"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 0:
        return f"in {span(-seconds)}"
    if seconds < 10:
        return "just now"
    return f"{span(seconds)} ago" if seconds < 30 * 86400 else moment.astimezone().strftime("%Y-%m-%d")


def span(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min`, `2 h`, `5 days`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for size, word in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}" + ("s" if word == "day" and count > 1 else "")
    return f"{int(seconds)} s"


def size(size_bytes: float) -> str:
    """`312 B`, `4.1 kB`, `27 MB`: powers of a thousand."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 picture`, `1,250 pictures`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def short(text: str, most: int = 48) -> str:
    """The text on one line, cut with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
