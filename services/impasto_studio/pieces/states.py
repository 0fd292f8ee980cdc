"""Nothing here, not yet, and not possible: the states that every list and picture can be in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final
from weakref import WeakKeyDictionary

from nicegui import app, background_tasks, ui

from impasto.errors import AccessDenied, ImpastoError, JobFailed, NotFound
from impasto_studio.parts import KEY, hold_client
from impasto_studio.pieces.basic import Click, box, button, icon, link, words
from impasto_studio.words import say

_TURNS: Final[WeakKeyDictionary[ui.element, object]] = WeakKeyDictionary()


def empty(title: str, note: str, image: str = "picture", action: tuple[str, Click | str] | None = None) -> None:
    """Nothing is here, and what one could do about it: a click, or a page to go to."""
    with box("empty"):
        with box("empty-mark"):
            icon(image)
        words(title, "empty-title", "h2")
        words(note, "empty-note", "p")
        if action and isinstance(action[1], str):
            link(action[0], action[1], look="button primary")
        elif action and callable(action[1]):
            button(action[0], action[1], look="primary")


def fault(error: ImpastoError, again: Click | None = None) -> None:
    """What went wrong, in the platform's own words, and a way out."""
    with box("fault").props('role="alert"'):
        icon("fault")
        with box("fault-words"):
            words(_title(error), "fault-title")
            for sentence in _sentences(error):
                words(sentence, "fault-note")
            request_id = error.data.get("request_id")
            if request_id and not isinstance(error, NotFound):
                words(f"{error.code} · {request_id}", "fault-code")
        if again:
            button(say("again"), again, look="quiet", image="again")


def tell(error: ImpastoError) -> None:
    """The same as a passing note, for an action whose page stays as it is."""
    text = " ".join((_sentence(_title(error)), *_sentences(error)))
    ui.notify(text, classes="note-fault", timeout=8000, close_button=say("close"))


def good(text: str) -> None:
    """A passing note that something was done."""
    ui.notify(text, classes="note", timeout=3000)


def bones(count: int, look: str = "bone") -> None:
    """Pale shapes where something will be in a moment."""
    for _ in range(count):
        box(look).props('aria-hidden="true"')


async def attempt(place: ui.element, fill: Callable[[], Awaitable[Any]]) -> bool:
    """Fills a place anew; what the platform refuses is told there, with a button to try again.

    Of two attempts at one place, only the later one's refusal is told.
    """
    turn = _TURNS[place] = object()
    place.clear()
    with place:
        try:
            await fill()
        except ImpastoError as error:
            if signed_out(error) or _TURNS[place] is not turn:
                return False
            place.clear()
            with place:
                fault(error, lambda: attempt(place, fill))
            return False
    return True


def signed_out(error: ImpastoError) -> bool:
    """Whether the key is no longer taken; if so, the person is led to the door."""
    if not (isinstance(error, AccessDenied) and error.code == "unauthenticated"):
        return False
    app.storage.user.pop(KEY, None)
    ui.navigate.to("/sign-in?why=ended")
    return True


def while_open(work: Coroutine[Any, Any, Any]) -> None:
    """Does this as long as the page is open; so long, the client that it uses is not closed.

    Raises:
        AccessDenied: nobody is signed in.
    """
    release = hold_client()
    task = background_tasks.create(work)

    def end() -> None:
        task.cancel()
        release()

    page = ui.context.client
    if page.is_deleted:
        end()  # it was closed meanwhile, and will not say so again
    else:
        page.on_delete(end)


def _title(error: ImpastoError) -> str:
    known = say(f"fault.{error.code}", missing="")
    return known or say("state.failed" if isinstance(error, JobFailed) else "fault")


def _sentences(error: ImpastoError) -> list[str]:
    """What the platform says of it; where its words are for programs, ours."""
    if ours := say(f"fault.{error.code}.note", missing=""):
        return [ours]
    # The usual hint, to look at one's identifier and key, helps nobody who came by a link.
    hint = None if isinstance(error, NotFound) else error.hint
    return [_sentence(text) for text in (error.message, hint) if text]


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
