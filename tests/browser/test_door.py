"""The door: a key lets one in, is never shown again, and is forgotten when one leaves."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
from playwright.sync_api import Browser, expect

from impasto.tenants import new_key
from tests.asking import submit
from tests.browser.person import Person


def test_whoever_is_not_signed_in_is_led_to_the_door_and_then_to_where_they_wanted(person: Person) -> None:
    person.go("/jobs?x=1")
    expect(person.page).to_have_url(re.compile("/sign-in"))
    person.shoot("door")
    person.page.get_by_label("API key").fill(person.studio.stack.api_key)
    person.page.get_by_label("API key").press("Enter")
    person.page.wait_for_url(re.compile(r"/jobs\?x=1"))


def test_a_wrong_key_gets_a_plain_sentence(person: Person) -> None:
    person.sign_in(key=new_key().text)
    person.sees("That key is not known here.")
    person.shoot("door-wrong")
    for mistyped in ("my password", "impasto_live_" + "a" * 46):
        person.sign_in(key=mistyped)
        person.sees("That does not look like an API key.")
    person.sign_in(key=" ")
    person.sees("Please enter an API key.")


def test_wrong_keys_at_the_door_close_nobodys_page(painter: Person, browser: Browser, tmp_path: Path) -> None:
    stack, gate = painter.studio.stack, tmp_path / "gate"
    gate.touch()
    job = submit(stack, "test.stamp", {"text": "followed", "gate": str(gate), "pause_at": "compute"})["id"]
    painter.go(f"/jobs/{job}")
    painter.sees("Started")
    context = browser.new_context(locale="en-GB")
    stranger = Person(context.new_page(), painter.studio)
    stranger.go("/sign-in")
    complaint = stranger.page.get_by_role("alert")
    for _ in range(70):
        # By turns, so that each answer is told from the one before.
        for key, said in ((new_key().text, "not known here"), ("", "Please enter")):
            stranger.page.get_by_label("API key").fill(key)
            stranger.presses("Sign in")
            expect(complaint).to_contain_text(said)
    context.close()
    gate.unlink()
    expect(painter.page.locator(".event").last).to_contain_text("Succeeded")
    expect(painter.page.locator(".fault")).to_have_count(0)
    painter.presses("Submit again")
    painter.page.wait_for_url(lambda url: "/jobs/job_" in url and not url.endswith(job))


def test_the_key_is_neither_in_the_page_nor_in_an_address_nor_in_the_browser(painter: Person) -> None:
    key = painter.studio.stack.api_key
    for path in ("/", "/create", "/jobs"):
        painter.go(path)
        assert key not in painter.page.content()
    kept = painter.page.evaluate("() => JSON.stringify([localStorage, sessionStorage, document.cookie])")
    cookies = painter.page.context.cookies()
    assert key not in kept + str(cookies)
    assert not [url for url in painter.requests if key in url]
    assert [cookie["name"] for cookie in cookies if cookie["httpOnly"]] == ["impasto_studio"]


def test_sessions_on_the_disk_are_for_their_owner_alone(painter: Person) -> None:
    files = [path for path in painter.studio.folder.rglob("*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


def test_signing_out_forgets_the_key(painter: Person) -> None:
    painter.go("/jobs")
    painter.presses("Sign out")
    painter.page.wait_for_url(re.compile("/sign-in"))
    painter.go("/jobs")
    expect(painter.page).to_have_url(re.compile("/sign-in"))


def test_a_link_at_the_door_leads_nowhere_outside(painter: Person) -> None:
    for outside in ("//example.invalid/x", "https://example.invalid/", "/\\example.invalid"):
        painter.go(f"/sign-in?to={outside}")
        expect(painter.page).to_have_url(painter.studio.url + "/")


def test_a_forged_cookie_is_nobody(painter: Person) -> None:
    cookie = painter.page.context.cookies()[0]
    forged = cookie["value"].rpartition(".")[0] + ".AAAAAAAAAAAAAAAAAAAAAAAAAAA"
    painter.page.context.add_cookies([{**cookie, "value": forged}])
    painter.go("/jobs")
    expect(painter.page).to_have_url(re.compile("/sign-in"))


def test_the_session_of_the_door_is_never_the_one_that_is_signed_in(person: Person) -> None:
    """Somebody may have planted the cookie of a session of theirs before; what was chosen at the door stays."""

    def cookie() -> str:
        return next(c["value"] for c in person.page.context.cookies() if c["name"] == "impasto_studio")

    person.go("/sign-in")
    person.presses("中文")
    person.page.get_by_role("button", name="English").wait_for()
    planted = cookie()
    person.page.get_by_label("API").fill(person.studio.stack.api_key)
    person.page.get_by_label("API").press("Enter")
    person.page.wait_for_url(person.studio.url + "/")
    person.page.get_by_role("button", name="English").wait_for()

    def led_to(value: str) -> str | None:
        answer = httpx.get(person.studio.url + "/", cookies={"impasto_studio": value}, trust_env=False)
        found: str | None = answer.headers.get("location")
        return found

    assert led_to(planted) == "/sign-in"
    assert led_to(cookie()) is None


def test_a_ticket_that_is_nobodys_leads_back_to_the_door(person: Person) -> None:
    person.go("/enter/nobodys?to=/jobs")
    expect(person.page).to_have_url(re.compile(r"/sign-in\?to=%2Fjobs"))
