"""Every page, light and dark, on a desk and on a phone: nothing hangs over the edge, nothing is asked of outside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from impasto.testing.stacks import Stack
from tests.asking import ask
from tests.browser.conftest import Studio
from tests.browser.person import Person
from tests.hands import School, school
from tests.piping.asking import accepted, over, stamp

_SIZES = {"desk": (1440, 900), "phone": (390, 844)}
_PAGES = {
    "library": "/", "create": "/create", "redraw": "/create?picture={work}", "training": "/training",
    "run": "/training/{training}", "jobs": "/jobs", "job": "/jobs/{training}", "operators": "/operators",
    "pipelines": "/pipelines", "pipeline": "/pipelines/{pipeline}",
    "unknown": "/jobs/job_00000000000000000000000000",
}  # fmt: skip


@pytest.fixture(scope="module")
def taught(platform: Stack, tmp_path_factory: pytest.TempPathFactory) -> School:
    """A tenant with works, a data set, and a training that has ended."""
    opened = school(platform, tmp_path_factory.mktemp("hands"))
    assert opened.learnt
    return opened


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(_SIZES))
def visitor(request: pytest.FixtureRequest, theme: str, studio: Studio, browser: Browser) -> Iterator[Person]:
    width, height = _SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, locale="en-GB")  # type: ignore[arg-type]
    someone = Person(context.new_page(), studio)
    someone.place = f"{request.param}-{theme}"
    someone.sign_in()
    yield someone
    context.close()
    someone.asked_nobody_else()
    someone.saw_no_fault()


def _pipeline(stack: Stack) -> str:
    """One with steps in many states, made once."""
    known = ask(stack, "GET", "/v1/pipelines?state=failed").json()["items"]
    if found := [one["id"] for one in known if one["name"] == "for the looks"]:
        return str(found[0])
    steps = {
        "first": stamp("a"),
        "refused": stamp("b", then="refuse", after=["first"]),
        "never": stamp("c", **{"if": "first.artifact.size_bytes > 100 and first.artifact.size_bytes < 1000"}),
        "after_it": stamp("d", source="$steps.refused.artifact"),
    }
    return str(over(stack, accepted(stack, steps, name="for the looks"))["id"])


@pytest.mark.parametrize("name", list(_PAGES))
def test_a_page_fits_its_window(name: str, taught: School, visitor: Person) -> None:
    job = next(iter(taught.stack.client().jobs.list(kind="train.style_classifier"))).id
    values = {"work": next(iter(taught.works.values())), "training": job, "pipeline": _pipeline(taught.stack)}
    path = _PAGES[name].format(**values)
    visitor.go(path)
    visitor.is_settled()
    visitor.shoot(f"{name}-{visitor.place}")
    assert visitor.overflows() == []
    assert visitor.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_the_page_is_as_dark_as_the_system(theme: str, visitor: Person) -> None:
    colour = visitor.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert colour == {"light": "rgb(250, 249, 246)", "dark": "rgb(23, 21, 19)"}[theme]


def test_the_door_fits_its_window(visitor: Person) -> None:
    visitor.go("/jobs")  # no picture is under way there, to be refused to whoever has just left
    visitor.presses("Sign out")
    visitor.sees("Sign in with an API key")
    visitor.shoot(f"door-{visitor.place}")
    assert visitor.overflows() == []


def test_a_viewer_fits_its_window(taught: School, visitor: Person) -> None:
    visitor.page.locator(".tile").first.click()
    visitor.sees("Went into")
    visitor.is_settled()
    visitor.shoot(f"viewer-{visitor.place}")
    assert visitor.overflows() == []
