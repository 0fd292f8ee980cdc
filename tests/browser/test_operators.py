"""Operators' page: what runs, and what this key may not see."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.asking import ask
from tests.browser.person import Person


def test_queues_and_workers_are_told(painter: Person) -> None:
    painter.go("/operators")
    painter.is_settled()
    sections = painter.page.locator(".section")
    expect(sections).to_have_count(3)
    expect(sections.nth(0).locator(".queue, .empty").first).to_be_visible()
    expect(sections.nth(1).locator(".line, .empty").first).to_be_visible()
    expect(sections.nth(2).locator(".line, .empty").first).to_be_visible()
    painter.shoot("operators")


def test_a_delivery_is_replayed_and_what_is_for_operators_alone_is_said(person: Person) -> None:
    stack = person.studio.stack
    made = ask(stack, "POST", "/v1/webhooks", tenant="hooked", json={"url": "https://8.8.8.8/hook"}).json()
    assert ask(stack, "POST", f"/v1/webhooks/{made['endpoint']['id']}/ping", tenant="hooked").status_code == 202
    person.sign_in("hooked")
    person.go("/operators")
    person.is_settled()
    expect(person.page.get_by_text("Not for this key")).to_have_count(2)
    lines = person.page.locator(".section").nth(2).locator(".line")
    before = lines.count()
    expect(lines.first).to_contain_text("webhook.ping")
    person.shoot("deliveries")
    lines.first.get_by_role("button", name="Replay").click()
    person.sees("It is sent once more")
    expect(lines).to_have_count(before + 1)


def test_a_key_that_may_only_read_sees_what_it_may_and_no_fault(person: Person) -> None:
    made = person.studio.stack.client("second").keys.create("reader", ["read"])
    person.sign_in(key=made.key)
    person.page.wait_for_url(person.studio.url + "/")
    person.go("/operators")
    person.is_settled()
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
