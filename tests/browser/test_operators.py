"""Operators' page: what runs, and what this key may not see."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from impasto.kinds.generate_text_to_image import GenerateTextToImage
from impasto.testing.processes import eventually
from tests.asking import ask, ended, look, submit
from tests.browser.person import Person

# The page asks every five seconds, and a worker tells of itself as often.
_SOON_MS = 20_000


def _queue(person: Person, name: str) -> Locator:
    exactly = person.page.locator(".queue-name", has_text=re.compile(f"^{name}$"))
    return person.page.locator(".queue").filter(has=exactly)


def _figure(queue: Locator, name: str) -> Locator:
    figure = queue.locator(".figure").filter(has=queue.page.get_by_text(name, exact=True))
    return figure.locator(".figure-value")


def _worker(person: Person, name: str) -> Locator:
    return person.page.locator(".line.worker").filter(has=person.page.get_by_text(name, exact=True))


def test_what_waits_and_runs_is_told_with_the_age_of_the_oldest(painter: Person, tmp_path: Path) -> None:
    stack, gate = painter.studio.stack, tmp_path / "gate"
    gate.touch()
    params = {"gate": str(gate), "pause_at": "compute"}
    jobs = [submit(stack, "test.stamp", {"text": f"{number}", **params})["id"] for number in range(4)]
    # Two slots: two run, and two wait.
    eventually(lambda: sum(look(stack, job)["state"] == "running" for job in jobs) == 2, "two jobs run")
    painter.go("/operators")
    queue, worker = _queue(painter, "test"), _worker(painter, "preprocess")
    expect(_figure(queue, "queued")).to_have_text("2")
    expect(_figure(queue, "running")).to_have_text("2")
    expect(_figure(queue, "oldest")).to_have_text(re.compile(r"^[1-9]\d* s$"))
    first = _figure(queue, "oldest").inner_text()
    expect(_figure(queue, "oldest")).not_to_have_text(first, timeout=_SOON_MS)
    expect(queue).to_contain_text("Workers: 1")
    expect(worker).to_contain_text("2 of 2 slots", timeout=_SOON_MS)
    painter.shoot("operators-busy")
    gate.unlink()
    for job in jobs:
        ended(stack, job)
    expect(_figure(queue, "queued")).to_have_text("0", timeout=_SOON_MS)
    expect(_figure(queue, "oldest")).to_have_text("–")
    expect(worker).to_contain_text("0 of 2 slots", timeout=_SOON_MS)


def test_a_worker_is_told_with_its_device_its_memory_and_what_it_holds(painter: Person) -> None:
    stack = painter.studio.stack
    stack.client().run(GenerateTextToImage(prompts=["a red heart"], steps=2))
    told = {worker.name: worker for worker in stack.client().workers.list()}["device"]
    painter.go("/operators")
    worker = _worker(painter, "device")
    expect(worker).to_contain_text("Alive")
    expect(worker).to_contain_text(f"{told.host} · {told.device}")
    expect(worker.locator(".row-queues")).to_have_text("train, evaluate, generate, analyse")
    expect(worker.locator(".row-memory")).to_have_text(
        re.compile(r"^\d+(\.\d)? [kMG]?B / \d+\.\d GB$"), timeout=_SOON_MS
    )
    expect(worker.locator(".row-more")).to_contain_text("Holds starter", timeout=_SOON_MS)
    expect(worker.locator(".row-age")).to_have_text(re.compile(r"^\d+ s ago$"))
    painter.is_settled()
    painter.shoot("operators")


def _hooked(person: Person, tenant: str) -> str:
    """An endpoint of that tenant with two deliveries that nobody sends."""
    stack = person.studio.stack
    made = ask(stack, "POST", "/v1/webhooks", tenant=tenant, json={"url": "https://8.8.8.8/hook"}).json()
    endpoint = str(made["endpoint"]["id"])
    assert ask(stack, "POST", f"/v1/webhooks/{endpoint}/ping", tenant=tenant).status_code == 202
    return endpoint


def test_a_delivery_is_replayed_and_what_is_for_operators_alone_is_said(person: Person) -> None:
    _hooked(person, "hooked")
    person.sign_in("hooked")
    person.go("/operators")
    person.is_settled()
    expect(person.page.get_by_text("Not for this key")).to_have_count(2)
    lines = person.page.locator(".line.delivery")
    before = lines.count()
    expect(lines.first).to_contain_text("webhook.ping")
    lines.first.get_by_role("button", name="Replay").click()
    person.sees("It is sent once more")
    expect(lines).to_have_count(before + 1)


def test_a_delivery_tells_why_it_failed_or_when_it_is_tried(person: Person) -> None:
    endpoint = _hooked(person, "failing")
    failed, waiting = (
        row[0]
        for row in person.studio.stack.sql("SELECT id FROM webhook_deliveries WHERE endpoint_id = %s", [endpoint])
    )
    person.studio.stack.sql(
        "UPDATE webhook_deliveries SET state = 'failed', error = 'connect_failed', finished_at = now() WHERE id = %s",
        [failed],
    )
    person.studio.stack.sql(
        "UPDATE webhook_deliveries SET next_at = now() + interval '30 minutes', attempt = 3 WHERE id = %s", [waiting]
    )
    person.sign_in("failing")
    person.go("/operators")
    lines = person.page.locator(".line.delivery")
    expect(lines.filter(has_text="Failed")).to_contain_text("The receiver could not be reached")
    expect(lines.filter(has_text="Waiting")).to_contain_text("Attempt 3")
    expect(lines.filter(has_text="Waiting")).to_contain_text("next in 30 min")
    person.is_settled()
    person.shoot("deliveries")


def test_what_somebody_is_about_to_press_stays_while_the_list_goes_on(person: Person) -> None:
    endpoint = _hooked(person, "pressing")
    person.sign_in("pressing")
    person.go("/operators")
    lines = person.page.locator(".line.delivery")
    expect(lines).to_have_count(2)
    button = lines.last.get_by_role("button", name="Replay")
    button.focus()
    assert ask(person.studio.stack, "POST", f"/v1/webhooks/{endpoint}/ping", tenant="pressing").status_code == 202
    expect(lines).to_have_count(3, timeout=_SOON_MS)
    expect(button).to_be_focused()


@pytest.mark.parametrize(("scopes", "closed"), [(["read"], 2), (["read", "operate"], 0)])
def test_deliveries_are_said_to_be_each_tenants_own(person: Person, scopes: list[str], closed: int) -> None:
    made = person.studio.stack.client("first").keys.create("reader", scopes)
    person.sign_in(key=made.key)
    person.page.wait_for_url(person.studio.url + "/")
    person.go("/operators")
    person.is_settled()
    expect(person.page.get_by_text("Not for this key")).to_have_count(closed)
    expect(person.page.locator(".section").nth(2)).to_contain_text("Each tenant sees its own")
    expect(person.page.locator(".section").nth(2)).to_contain_text("with the scope “webhooks”")
    expect(person.page.locator(".section .fault")).to_have_count(0)


def test_the_studio_speaks_chinese_when_asked(painter: Person) -> None:
    painter.presses("中文")
    painter.sees("作品库")
    painter.go("/operators")
    painter.sees("队列")
    painter.shoot("chinese")
    painter.presses("English")
    painter.sees("Queues")


def test_the_appearance_is_kept(painter: Person) -> None:
    painter.presses("Appearance: as the system")
    painter.presses("Appearance: light")
    painter.sees("Library")
    painter.page.wait_for_function("() => document.body.classList.contains('body--dark')")
    painter.go("/jobs")
    painter.page.wait_for_function("() => document.body.classList.contains('body--dark')")
