"""How a job looks wherever it is shown: its state, its kind's name, how far it is, and the pictures it made."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from impasto.jobs import JobRecord, Progress
from impasto.kinds import all_kinds
from impasto_studio.pieces.basic import Words, box, words
from impasto_studio.words import say


def kind_name(kind: str) -> str:
    """The kind as people call it; a new one, or a plug-in's, by its own summary."""
    known = all_kinds().get(kind)
    return say(f"kind.{kind}", missing=known.summary.rstrip(".") if known else kind)


def state_mark(state: str) -> ui.element:
    """A dot and the state's name."""
    with box(f"state {state}", "span") as mark:
        box("dot", "span").props('aria-hidden="true"')
        words(say(f"state.{state}", missing=state), tag="span")
    return mark


def pictures_of(result: dict[str, Any] | None) -> list[str]:
    """Digests of the pictures in a result of any kind, in their order."""
    return list(dict.fromkeys(_found(result or {})))


def _found(value: Any) -> list[str]:
    if isinstance(value, dict):
        if str(value.get("media_type", "")).startswith("image/") and "sha256" in value:
            return [str(value["sha256"])]
        # The grid shows the same pictures once more.
        return [digest for name, part in value.items() if name != "grid" for digest in _found(part)]
    if isinstance(value, list):
        return [digest for part in value for digest in _found(part)]
    return []


class ProgressLine:
    """A thin bar and a word on what is being done."""

    def __init__(self) -> None:
        with box("progress") as self.element:
            with box("bar").props('role="progressbar" aria-valuemin="0" aria-valuemax="100"') as self._bar:
                self._fill = box("bar-fill")
            with box("progress-words"):
                self._message: Words = words("", "progress-message", "span")
                self._share: Words = words("", "progress-share", "span")
        self.wait()

    def wait(self) -> None:
        """It has not begun."""
        self._show(None, say("state.queued"), "")

    def show(self, progress: Progress | None) -> None:
        """The last value heard."""
        if progress is None:
            return
        steps = f"{progress.step}/{progress.steps}" if progress.step is not None and progress.steps else ""
        self._show(progress.fraction, progress.message, steps)

    def show_job(self, record: JobRecord) -> None:
        """Where that job is."""
        if record.state.is_final:
            self._show(1.0, say(f"state.{record.state.value}"), "")
        elif record.progress:
            self.show(record.progress)
        elif record.state == "running":
            self._show(None, say("state.running"), "")
        else:
            self.wait()

    def _show(self, fraction: float | None, message: str, steps: str) -> None:
        known = fraction is not None
        percent = round(100 * min(1.0, max(0.0, fraction or 0.0)))
        self._fill.style(f"width: {percent if known else 30}%")
        self._bar.classes(add="" if known else "unknown", remove="unknown" if known else "")
        self._bar.props["aria-valuenow"] = str(percent)
        self._message.set_text(message[:1].upper() + message[1:])
        self._share.set_text(steps or (f"{percent} %" if known else ""))
