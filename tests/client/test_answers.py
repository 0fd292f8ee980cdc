"""Problem documents become typed errors that keep what they said."""

from __future__ import annotations

import pytest

from impasto.client.answers import checked
from impasto.client.flow import Answer, Broken
from impasto.errors import (
    AccessDenied,
    Conflict,
    ImpastoError,
    InvalidInput,
    LimitExceeded,
    NotFound,
    Unavailable,
)
from tests.client.steps import answer


def _raised(got: Answer | Broken) -> ImpastoError:
    with pytest.raises(ImpastoError) as raised:
        checked(got)
    return raised.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "unauthenticated", AccessDenied),
        (403, "scope_missing", AccessDenied),
        (404, "not_found", NotFound),
        (409, "job_already_finished", Conflict),
        (413, "body_too_large", LimitExceeded),
        (422, "value_out_of_range", InvalidInput),
        (503, "database_unavailable", Unavailable),
    ],
)
def test_each_status_has_its_class_and_each_code_is_kept(status: int, code: str, kind: type[ImpastoError]) -> None:
    problem = {"type": "t", "title": "T", "status": status, "detail": "what", "code": code, "request_id": "req_1"}
    error = _raised(answer(problem | {"hint": "do", "errors": [{"field": "f"}]}, status))
    assert type(error) is kind
    assert (error.code, error.message, error.hint) == (code, "what", "do")
    assert error.data == {"request_id": "req_1", "errors": [{"field": "f"}]}


def test_a_code_of_a_newer_platform_is_not_a_crash() -> None:
    error = _raised(answer({"code": "from_the_future", "detail": "new"}, 422))
    assert (error.code, error.data["server_code"], error.message) == ("internal_error", "from_the_future", "new")


@pytest.mark.parametrize("content", [b"<html>Bad gateway</html>", b"", b"[1]", b'{"detail": "Not Found"}'])
def test_an_answer_that_is_no_problem_document_is_told_as_such(content: bytes) -> None:
    error = _raised(Answer(502, {}, content))
    assert isinstance(error, Unavailable)
    assert "502" in error.message


def test_a_redirect_is_not_followed_and_not_taken_for_success() -> None:
    assert "307" in _raised(Answer(307, {"location": "http://elsewhere"})).message


def test_no_answer_says_where_nothing_answers_and_what_to_do() -> None:
    error = _raised(Broken("no connection", "http://127.0.0.1:1"))
    assert "http://127.0.0.1:1" in error.message
    assert "impasto up" in (error.hint or "")
