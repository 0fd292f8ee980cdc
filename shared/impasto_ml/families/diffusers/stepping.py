"""A function that runs in its own thread and stops where it says so, until it is told to go on or to end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Abandoned(BaseException):
    """Ends the function from within; not an Exception, so that no library on the way takes it for its own."""


class Stepwise(Generic[T]):
    """Caller and function take turns: never do both run. `result` is there once it has `ended`.

    `body` gets a function `pause` that it calls wherever it may be stopped.
    """

    def __init__(self, body: Callable[[Callable[[], None]], T]) -> None:
        self._body: Callable[[Callable[[], None]], T] | None = body
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._abandoned = False
        self._error: BaseException | None = None
        self.ended = False
        self.result: T | None = None
        # A daemon: a drawing that nobody finishes must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="drawing", daemon=True)

    def advance(self) -> None:
        """Runs the function to its next pause or to its end; raises what it raised."""
        assert not self.ended
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._go.release()
        self._back.acquire()
        if self.ended:
            self._thread.join()
            error, self._error = self._error, None
            if error is not None:
                raise error

    def abandon(self) -> None:
        """Ends the function at its pause; when this returns, its thread is gone. Harmless once it has ended."""
        if self._thread.ident is not None and not self.ended:
            self._abandoned = True
            self._go.release()
            self._thread.join()
        self._body, self.ended = None, True

    def _pause(self) -> None:
        self._back.release()
        self._go.acquire()
        if self._abandoned:
            raise _Abandoned

    def _run(self) -> None:
        body, self._body = self._body, None
        assert body is not None
        try:
            self.result = body(self._pause)
        except _Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self._error = error
        finally:
            del body
            self.ended = True
            self._back.release()
