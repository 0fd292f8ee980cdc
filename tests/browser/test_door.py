"""The door: a key lets one in, is never shown again, and is forgotten when one leaves."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.person import Person


def test_whoever_is_not_signed_in_is_led_to_the_door_and_then_to_where_they_wanted(person: Person) -> None:
    person.go("/jobs?x=1")
    expect(person.page).to_have_url(re.compile("/sign-in"))
    person.shoot("door")
    person.page.get_by_label("API key").fill(person.studio.stack.api_key)
    person.page.get_by_label("API key").press("Enter")
    person.page.wait_for_url(re.compile(r"/jobs\?x=1"))


def test_a_wrong_key_gets_a_plain_sentence(person: Person) -> None:
    person.sign_in(key="impasto_live_" + "a" * 43)
    person.sees("That key is not known here.")
    person.shoot("door-wrong")
    person.sign_in(key="my password")
    person.sees("That does not look like an API key.")
    person.sign_in(key=" ")
    person.sees("Please enter an API key.")


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
