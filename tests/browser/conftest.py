"""A studio in front of the whole platform, and a person with a browser before it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from impasto.testing.processes import Process, answers, eventually, free_port
from impasto.testing.stacks import Stack
from tests.browser.person import Person

_CHROMIUM = os.environ.get("IMPASTO_TEST_CHROMIUM", "/usr/bin/chromium")
_ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass
class Studio:
    """The studio's process and its address."""

    stack: Stack
    process: Process
    url: str
    folder: Path
    people: list[Any] = field(default_factory=list)


def start_studio(stack: Stack, **environment: str) -> Studio:
    """Starts a studio on a port of its own and waits until it answers."""
    port, folder = free_port(), stack.folder / "studio-data"
    process = stack.start(
        "impasto_studio",
        **{
            "IMPASTO_STUDIO_PORT": str(port),
            "IMPASTO_STUDIO_SECRET": "a secret of tests",
            "IMPASTO_GATEWAY_URL": stack.url,
            "IMPASTO_DATA": str(folder),
            **environment,
        },
    )
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: answers(f"{url}/readyz"), f"the studio is ready; see {process.log}")
    return Studio(stack, process, url, folder)


@pytest.fixture(scope="session")
def studio(platform: Stack) -> Studio:
    return start_studio(platform)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def person(studio: Studio, browser: Browser) -> Iterator[Person]:
    """Somebody at a large screen, not signed in; whatever their browser asked for, it asked the studio."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light", locale="en-GB")
    someone = Person(_page(context), studio)
    yield someone
    context.close()
    someone.asked_nobody_else()
    someone.saw_no_fault()


@pytest.fixture
def painter(person: Person) -> Person:
    """Somebody who is signed in."""
    person.sign_in()
    return person


def _page(context: BrowserContext) -> Page:
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page
