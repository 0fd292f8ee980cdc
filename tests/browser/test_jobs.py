"""Jobs: the list lives, one job tells its story, and can be stopped and asked for again."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from impasto.identifiers import new_id
from impasto.testing.processes import eventually
from tests.asking import ended, look, submit
from tests.browser.person import Person


def test_the_list_follows_a_job_from_its_queue_to_its_end(painter: Person, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    params = {"text": "followed", "gate": str(gate), "pause_at": "compute"}
    painter.go("/jobs")
    job = submit(painter.studio.stack, "test.stamp", params)["id"]
    line = painter.page.locator(f"a.line[href='/jobs/{job}']")
    expect(line).to_contain_text("Running", timeout=20_000)
    gate.unlink()
    expect(line).to_contain_text("Succeeded")
    painter.presses("Failed", exact=False)
    expect(line).to_have_count(0)


def test_ages_go_on_and_the_rows_around_them_stay(painter: Person) -> None:
    job = submit(painter.studio.stack, "test.stamp", {"text": "ages"})["id"]
    ended(painter.studio.stack, job)
    painter.go("/jobs")
    line = painter.page.locator(f"a.line[href='/jobs/{job}']")
    expect(line).to_contain_text("Succeeded")
    line.evaluate("line => { line.sameAsBefore = true; line.focus() }")
    first = line.locator(".row-age").inner_text()
    expect(line.locator(".row-age")).not_to_have_text(first)
    other = submit(painter.studio.stack, "test.stamp", {"text": "another"})["id"]
    expect(painter.page.locator("a.line").first).to_have_attribute("href", f"/jobs/{other}")
    assert line.evaluate("line => line.sameAsBefore")
    expect(line).to_be_focused()


def test_older_jobs_come_when_they_are_asked_for(person: Person) -> None:
    jobs = [submit(person.studio.stack, "test.stamp", {"text": f"{n}"}, tenant="busy")["id"] for n in range(63)]
    person.sign_in("busy")
    person.go("/jobs")
    lines = person.page.locator("a.line")
    expect(lines).to_have_count(60)
    person.presses("Show more")
    expect(lines).to_have_count(63)
    expect(lines.last).to_have_attribute("href", f"/jobs/{jobs[0]}")
    expect(person.page.get_by_role("button", name="Show more")).to_have_count(0)
    person.presses("Succeeded", exact=False)
    expect(lines.first).to_contain_text("Succeeded")


def test_a_running_job_is_stopped_and_asked_for_again(painter: Person, tmp_path: Path) -> None:
    stack, gate = painter.studio.stack, tmp_path / "gate"
    gate.touch()
    params = {"text": "stopped", "gate": str(gate), "pause_at": "compute"}
    job = submit(stack, "test.stamp", params)["id"]
    painter.go(f"/jobs/{job}")
    painter.sees("Started")
    painter.shoot("job-running")
    painter.presses("Cancel")
    painter.sees("Asked to stop")
    painter.sees("It was canceled.", most_s=30)
    assert look(stack, job)["state"] == "canceled"
    gate.unlink()
    painter.presses("Try again")
    painter.page.wait_for_url(lambda url: "/jobs/job_" in url and not url.endswith(job))
    again = painter.page.url.rpartition("/")[2]
    assert ended(stack, again)["retry_of"] == job
    expect(painter.page.locator(".event").last).to_contain_text("Succeeded")
    painter.presses("Submit again")
    painter.page.wait_for_url(lambda url: "/jobs/job_" in url and not url.endswith(again))
    third = ended(stack, painter.page.url.rpartition("/")[2])
    assert (third["params"]["text"], third["retry_of"]) == ("stopped", None)


def test_a_job_that_failed_says_why_and_what_to_do(painter: Person) -> None:
    job = submit(painter.studio.stack, "test.stamp", {"text": "wrong", "then": "refuse"})["id"]
    ended(painter.studio.stack, job)
    painter.go(f"/jobs/{job}")
    painter.sees("The loss became infinite.")
    painter.sees("Lower the learning rate.")
    expect(painter.page.locator(".event").last).to_contain_text("Failed")
    painter.shoot("job-failed")
    painter.presses("Try again")
    painter.page.wait_for_url(lambda url: "/jobs/job_" in url and not url.endswith(job))
    again = painter.page.url.rpartition("/")[2]
    assert ended(painter.studio.stack, again)["retry_of"] == job
    painter.presses("Tries another job again")
    painter.page.wait_for_url(f"**/jobs/{job}")
    # Asked for again, it leads to the same one.
    painter.presses("Try again")
    painter.page.wait_for_url(f"**/jobs/{again}")


def test_a_job_shows_its_log_and_one_that_waits_says_why(painter: Person) -> None:
    stack = painter.studio.stack
    failed = submit(stack, "test.stamp", {"text": "wrong", "then": "refuse"})["id"]
    painter.go(f"/jobs/{failed}")
    painter.sees("stamping")
    expect(painter.page.locator(".log-line").last).to_contain_text("failed: training_diverged")
    painter.shoot("job-log")
    waits = new_id("job")
    stack.sql(
        """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, run_limit_s)
           VALUES (%s, %s, 'test.stamp', 'nowhere', 'pool', '{}', 60)""",
        [waits, stack.tenants["first"]],
    )
    painter.go(f"/jobs/{waits}")
    painter.sees("No live worker consumes the queue nowhere")
    painter.shoot("job-waits")
    stack.client().jobs.cancel(waits)
    painter.sees("It was canceled.", most_s=30)
    expect(painter.page.locator(".queue-place")).to_be_hidden(timeout=20_000)


def test_a_job_of_another_tenant_is_not_found(painter: Person) -> None:
    job = submit(painter.studio.stack, "test.stamp", {"text": "theirs"}, tenant="second")["id"]
    painter.go(f"/jobs/{job}")
    painter.sees("Not found")


def test_a_revoked_key_leads_to_the_door(person: Person) -> None:
    client = person.studio.stack.client()
    made = client.keys.create("for an hour", ["read"])
    person.go("/sign-in")
    person.page.get_by_label("API key").fill(made.key)
    person.presses("Sign in")
    person.sees("Library")
    person.go("/jobs")
    client.keys.revoke(made.record.id)
    expect(person.page).to_have_url(re.compile("/sign-in"), timeout=20_000)
    person.sees("Your key is no longer accepted.")


def test_a_platform_that_is_away_is_told_and_comes_back(painter: Person) -> None:
    stack = painter.studio.stack
    gateway = next(process for process in stack.processes if process.log.name.startswith("impasto_gateway"))
    painter.go("/jobs")
    painter.is_settled()
    gateway.kill()
    painter.go("/jobs")
    painter.sees("The platform does not answer")
    painter.shoot("away")
    gateway.start()
    eventually(lambda: painter.page.locator("a.line, .empty").count(), "the list is back")
