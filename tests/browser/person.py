"""A person at the studio: what they do, what they see, and what their browser asked for meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Studio

_PICTURES = os.environ.get("IMPASTO_TEST_SCREENSHOTS")
# A browser reports these of itself; a 404 is how a preview says that it is not there yet.
_HARMLESS = ("404 (Not Found)", "net::ERR_ABORTED")


class Person:
    """Wraps a page of the browser."""

    def __init__(self, page: Page, studio: Studio) -> None:
        self.page, self.studio = page, studio
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.place = ""
        page.on("request", self._asked)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def go(self, path: str) -> None:
        """Opens a page and waits until it is alive."""
        self.page.goto(self.studio.url + path)
        self.page.wait_for_function("() => window.socket && window.socket.connected && window.did_handshake !== false")

    def sign_in(self, tenant: str = "first", key: str | None = None) -> None:
        """Through the door, to the library."""
        self.go("/sign-in")
        self.page.get_by_label("API key").fill(key or self.studio.stack.key(tenant))
        self.page.get_by_role("button", name="Sign in").click()
        if key is None:
            self.page.wait_for_url(self.studio.url + "/")
            self.sees("Library")

    def sees(self, text: str, most_s: float = 20) -> Locator:
        """The first element with that text, once it is there."""
        found = self.page.get_by_text(text).locator("visible=true").first
        expect(found).to_be_visible(timeout=most_s * 1000)
        return found

    def presses(self, name: str, *, exact: bool = True) -> None:
        """A button or a link of that name."""
        page = self.page
        found = page.get_by_role("button", name=name, exact=exact).or_(page.get_by_role("link", name=name, exact=exact))
        found.locator("visible=true").first.click()

    def is_settled(self) -> None:
        """Nothing is being fetched, and no pale shape waits to be filled."""
        expect(self.page.locator(".bone")).to_have_count(0)
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_function(
            "() => [...document.images].every(i => i.complete || i.getBoundingClientRect().top > 2 * innerHeight)"
        )

    def shoot(self, name: str) -> None:
        """A picture of the window, for people to look at, if a folder was given."""
        if _PICTURES:
            folder = Path(_PICTURES)
            folder.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=folder / f"{name}.png")

    def asked_nobody_else(self) -> None:
        """Every request went to the studio."""
        hosts = {urlsplit(url).netloc for url in self.requests if not url.startswith(("data:", "blob:"))}
        assert hosts <= {urlsplit(self.studio.url).netloc}, hosts

    def saw_no_fault(self) -> None:
        """No script failed and nothing was refused."""
        assert self.faults == [], self.faults

    def overflows(self) -> list[str]:
        """Elements that reach beyond the window's right edge, with their classes."""
        script = """() => [...document.querySelectorAll('.studio *, .door *')]
            .filter(e => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 1
                && !e.closest('.chips, .code, .chooser, .segments') && getComputedStyle(e).position !== 'fixed')
            .map(e => e.className.toString().slice(0, 60))"""
        found: list[str] = self.page.evaluate(script)
        return found

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in _HARMLESS):
            self.faults.append(f"{message.text} [{message.location['url']}]")
