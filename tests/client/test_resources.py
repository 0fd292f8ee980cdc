"""Lists are read page by page, and only as far as somebody reads."""

from __future__ import annotations

from impasto.client.flow import Emit, Request
from impasto.client.resources import create, new_key, pages, place
from impasto.jobs import JobRecord
from impasto.styles import Style
from tests.client.steps import answer, job, perform


def _page(count: int, cursor: str | None) -> object:
    return answer({"items": [job()] * count, "next_cursor": cursor})


def test_every_page_is_read_to_the_last() -> None:
    _, steps, emitted = perform(pages(JobRecord, "jobs", state="failed", kind=None), [_page(2, "a"), _page(1, None)])
    assert len(emitted) == 3
    assert [step.query for step in steps if isinstance(step, Request)] == [
        {"state": "failed", "limit": "100"},
        {"state": "failed", "limit": "100", "cursor": "a"},
    ]


def test_the_second_page_is_asked_for_only_when_wanted() -> None:
    flow = pages(JobRecord, "jobs")
    assert isinstance(next(flow), Request)
    assert isinstance(flow.send(_page(2, "more")), Emit)
    assert isinstance(next(flow), Emit)
    assert isinstance(next(flow), Request)


def test_a_limit_is_kept_even_if_the_platform_sends_more() -> None:
    _, steps, emitted = perform(pages(JobRecord, "jobs", most=3), [_page(2, "a"), _page(2, "b")])
    assert len(emitted) == 3
    assert [step.query["limit"] for step in steps if isinstance(step, Request)] == ["3", "1"]


def test_an_empty_list_asks_once() -> None:
    _, steps, emitted = perform(pages(JobRecord, "jobs"), [_page(0, None)])
    assert (len(steps), emitted) == (1, [])


def test_names_cannot_leave_their_place_in_the_path() -> None:
    assert place("datasets", "../keys?x=1", "versions") == "/v1/datasets/..%2Fkeys%3Fx%3D1/versions"
    assert place("lineage", "sha256:ab") == "/v1/lineage/sha256:ab"


def test_what_would_be_made_twice_is_not_repeatable() -> None:
    made = {"id": "sty_1", "name": "mine", "version": 1, "builtin": False}
    _, (request,), _ = perform(create(Style, {"name": "mine"}, "styles"), [answer(made, 201)])
    assert isinstance(request, Request)
    assert not request.repeatable


def test_a_key_without_end_sends_none() -> None:
    assert new_key("studio", ["read"], None) == {"name": "studio", "scopes": ["read"]}
    assert new_key("studio", ["read"], "2027-01-01T00:00:00Z")["expires_at"] == "2027-01-01T00:00:00Z"
