"""The library: works come in by drop, are found again, and tell their story."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from impasto.testing.processes import Process, answers, eventually
from tests.browser.person import Person
from tests.hands import draw


def test_a_library_without_works_says_what_to_do(person: Person) -> None:
    person.sign_in("nobody")
    person.sees("No works yet")
    person.shoot("library-empty")


def test_every_dropped_file_has_its_outcome_and_what_was_added_is_shown(person: Person, tmp_path: Path) -> None:
    person.sign_in("dropping")
    draw(100, "dots").save(tmp_path / "first.png")
    draw(101, "boxes").save(tmp_path / "second.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture at all")
    (tmp_path / "again.png").write_bytes((tmp_path / "first.png").read_bytes())
    person.presses("Add works")
    dialog = person.page.locator(".sheet")
    dialog.get_by_label("Artist").fill("A. Painter")
    dialog.get_by_label("Collection").fill("drops")
    dialog.get_by_label("Artist").blur()
    zone = dialog.locator("input[type=file]")
    zone.set_input_files([tmp_path / "first.png"])
    expect(dialog.get_by_text("Added", exact=True)).to_have_count(1)
    zone.set_input_files([tmp_path / name for name in ("second.png", "broken.png", "again.png")])
    expect(dialog.get_by_text("Added", exact=True)).to_have_count(2)
    expect(dialog.get_by_text("Already in the library")).to_have_count(1)
    expect(dialog.locator(".drop-file.refused .drop-outcome")).to_contain_text("cut off")
    person.shoot("upload")
    person.page.keyboard.press("Escape")
    expect(person.page.locator(".tile")).to_have_count(2)
    person.page.locator(".tile").first.click()
    viewer = person.page.locator(".viewer")
    expect(viewer.get_by_text("A. Painter").first).to_be_visible()
    expect(viewer.get_by_text("drops")).to_be_visible()


def test_works_are_found_by_collection_artist_and_text(person: Person, tmp_path: Path) -> None:
    person.sign_in("finding")
    client = person.studio.stack.client("finding")
    for number, (artist, caption) in enumerate(
        [("Ada", "a calm sea"), ("Ada", "a red barn"), ("Ben", "the sea at dusk")]
    ):
        draw(110 + number, "dots").save(path := tmp_path / f"{number}.png")
        client.upload(path, metadata={"artist": artist, "caption": caption, "collection": f"c{number % 2}"})
    person.go("/")
    tiles = person.page.locator(".tile")
    expect(tiles).to_have_count(3)
    person.page.get_by_label("Artist").fill("Ada")
    expect(tiles).to_have_count(2)
    person.page.get_by_label("Search").fill("SEA")
    expect(tiles).to_have_count(1)
    expect(tiles.first).to_have_attribute("aria-label", "a calm sea")
    person.page.get_by_label("Collection").fill("nowhere")
    person.sees("Nothing matches")
    person.presses("Clear the filters")
    expect(tiles).to_have_count(3)


def test_more_works_come_as_one_scrolls(person: Person, tmp_path: Path) -> None:
    person.sign_in("scrolling")
    for number in range(40):
        draw(200 + number, "dots", (120, 160)).save(tmp_path / f"{number:02}.png")
    person.studio.stack.client("scrolling").upload(tmp_path)
    person.go("/")
    tiles = person.page.locator(".tile")
    expect(tiles.nth(23)).to_be_attached()
    person.page.mouse.wheel(0, 6000)
    expect(tiles).to_have_count(40)
    expect(person.page.get_by_role("button", name="Show more")).to_have_count(0)


@pytest.fixture
def reader(person: Person, tmp_path: Path) -> Person:
    """Somebody with forty works, one of them by Ada, at a window so low that more come only as they scroll."""
    client = person.studio.stack.client("reading")
    if not list(client.artworks.list(limit=1)):
        for number in range(39):
            draw(500 + number, "dots", (120, 160)).save(tmp_path / f"{number:02}.png")
        client.upload(tmp_path)
        draw(560, "boxes").save(tmp_path / "ada.png")
        client.upload(tmp_path / "ada.png", metadata={"artist": "Ada"})
    person.page.set_viewport_size({"width": 1000, "height": 300})
    # Where the platform is away, so are its pictures: they are not what is looked at here.
    person.page.route("**/pictures/*", lambda route: route.abort("aborted"))
    person.sign_in("reading")
    expect(person.page.locator(".tile")).to_have_count(24)
    return person


def _gateway(person: Person) -> Process:
    return next(p for p in person.studio.stack.processes if p.log.name.startswith("impasto_gateway"))


def test_more_works_that_do_not_come_are_told_below_those_that_are_there(reader: Person) -> None:
    stack, page = reader.studio.stack, reader.page
    gateway = _gateway(reader)
    gateway.kill()
    try:
        page.mouse.wheel(0, 6000)
        expect(page.locator(".wall-foot .fault")).to_contain_text("The platform does not answer", timeout=20_000)
        expect(page.locator(".tile")).to_have_count(24)
        expect(page.locator(".bone")).to_have_count(0)
    finally:
        gateway.start()
        eventually(lambda: answers(f"{stack.url}/readyz"), "the gateway is back")
    reader.presses("Try again")
    expect(page.locator(".tile")).to_have_count(40)
    expect(page.locator(".wall-foot .fault")).to_have_count(0)


def test_works_of_an_older_asking_do_not_come_into_a_newer_one(reader: Person) -> None:
    gateway = _gateway(reader)
    gateway.signal(signal.SIGSTOP)
    try:
        reader.page.mouse.wheel(0, 6000)
        expect(reader.page.locator(".wall-foot .bone")).to_have_count(1)
        reader.page.get_by_label("Artist").fill("Ada")
        expect(reader.page.locator(".tile")).to_have_count(0)
    finally:
        gateway.signal(signal.SIGCONT)
    expect(reader.page.locator(".tile")).to_have_count(1)
    reader.is_settled()
    expect(reader.page.locator(".tile")).to_have_count(1)


def test_a_work_is_analysed_and_its_lineage_leads_on(person: Person, tmp_path: Path) -> None:
    person.sign_in("looking")
    draw(300, "boxes").save(tmp_path / "box.png")
    person.studio.stack.client("looking").upload(tmp_path / "box.png", metadata={"title": "Boxes, quiet"})
    person.go("/")
    person.page.get_by_role("button", name="Boxes, quiet").click()
    viewer = person.page.locator(".viewer")
    expect(viewer.get_by_text("Nothing has been made of it yet.")).to_be_visible()
    viewer.get_by_role("button", name="Analyse").click()
    expect(viewer.locator(".palette .swatch").first).to_be_visible(timeout=60_000)
    person.is_settled()
    person.shoot("analysis")
    person.page.keyboard.press("Escape")
    person.page.get_by_role("button", name="Boxes, quiet").click()
    made = viewer.locator("button.lineage-node")
    expect(made).to_have_count(1)
    made.click()
    expect(viewer.get_by_text("Made here")).to_be_visible()
    expect(viewer.locator("button.lineage-node").filter(has_text="Boxes, quiet")).to_be_visible()


def test_a_picture_is_not_shown_to_whoever_is_not_signed_in_or_of_another_tenant(
    person: Person, tmp_path: Path
) -> None:
    draw(310, "dots").save(tmp_path / "mine.png")
    work = person.studio.stack.client("mine").upload(tmp_path / "mine.png").files[0].artwork
    assert work
    address = f"{person.studio.url}/pictures/{work.sha256}"
    asked = person.page.context.request
    assert asked.get(address).status == 401
    person.sign_in("others")
    assert asked.get(address).status == 404
    person.presses("Sign out")
    person.sees("Welcome")
    person.sign_in("mine")
    answer = asked.get(address)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert answer.body() == person.studio.stack.client("mine").artifacts.read(work.sha256)
    assert asked.get(address, headers={"If-None-Match": answer.headers["etag"]}).status == 304
