"""Times and amounts as people say them."""

from __future__ import annotations

from datetime import UTC, datetime

from impasto_studio.words import say


def age(moment: datetime | None) -> str:
    """How long ago that was."""
    return "–" if moment is None else say("ago", time=span((datetime.now(UTC) - moment).total_seconds()))


def remaining(moment: datetime | None) -> str:
    """How long until then; nothing once it has come."""
    left = 0.0 if moment is None else (moment - datetime.now(UTC)).total_seconds()
    return span(left) if left >= 1 else ""


def span(seconds: float | None) -> str:
    """A length of time, in its largest fitting unit."""
    if seconds is None:
        return "–"
    seconds = max(0.0, seconds)
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size * 1.5:
            return say(f"span.{unit}", count=round(seconds / size))
    return say("span.seconds", count=round(seconds))


def took(start: datetime | None, end: datetime | None) -> str:
    """How long it took, or takes so far."""
    if start is None:
        return "–"
    return span(((end or datetime.now(UTC)) - start).total_seconds())


def clock(moment: datetime) -> str:
    """The time of day, in UTC as the platform keeps it."""
    return moment.astimezone(UTC).strftime("%H:%M:%S")


def size(amount: float | None) -> str:
    """Bytes in their largest fitting unit."""
    if amount is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit in ("B", "kB") else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
