"""`GET /v1/jobs/{id}?estimate=true`: a queued job's place, for its tenant alone."""

from __future__ import annotations

from impasto.testing.stacks import Stack
from tests.asking import ask, submit


def test_a_queued_job_tells_its_place_when_asked(stack: Stack) -> None:
    stack.start_gateway()
    first, second = (submit(stack, "test.stamp", {"text": "x"})["id"] for _ in range(2))
    assert ask(stack, "GET", f"/v1/jobs/{second}").json()["queue"] is None
    told = ask(stack, "GET", f"/v1/jobs/{second}?estimate=true").json()
    assert told["queue"]["position"] == {"at_least": 2, "about": 2, "at_most": 2}
    # Nobody is there to run it, and nothing of its kind has run.
    assert (told["queue"]["slots"], told["queue"]["start_in_s"], told["queue"]["end_in_s"]) == (0, None, None)
    assert told["waiting_for"]["code"] == "no_worker"
    ask(stack, "POST", f"/v1/jobs/{first}/cancel")
    assert ask(stack, "GET", f"/v1/jobs/{first}?estimate=true").json()["queue"] is None
    assert ask(stack, "GET", f"/v1/jobs/{second}?estimate=true", tenant="second").status_code == 404
    assert ask(stack, "GET", f"/v1/jobs/{second}?estimate=maybe").status_code == 422
