"""Create: a picture is redrawn in a mix, its outcome opens with its lineage, and goes on to be upscaled."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.hands import draw
from tests.pipelines import imported, lora


@pytest.fixture
def maker(person: Person, tmp_path: Path) -> Person:
    """Somebody with one work."""
    draw(400, "dots", (240, 180)).save(tmp_path / "dots.png")
    person.studio.stack.client("making").upload(tmp_path / "dots.png", metadata={"title": "Dots"})
    person.sign_in("making")
    return person


def test_a_picture_is_redrawn_and_its_outcome_tells_where_it_came_from(maker: Person) -> None:
    page = maker.page
    maker.go("/create")
    maker.presses("Redraw")
    page.get_by_role("button", name="Choose a picture").click()
    page.locator(".chooser .tile").first.click()
    page.get_by_role("button", name="sea mist").click()
    page.get_by_role("button", name="ember").click()
    expect(page.locator(".mix .slider-field")).to_have_count(2)
    page.get_by_role("button", name="ember").click()
    expect(page.locator(".mix .slider-field")).to_have_count(1)
    page.locator(".tools .button.primary:visible").click()
    expect(page.locator(".canvas .result-picture img")).to_be_visible(timeout=60_000)
    maker.is_settled()
    maker.shoot("redrawn")
    page.get_by_role("button", name="Open the picture").click()
    viewer = page.locator(".viewer")
    expect(viewer.locator("button.lineage-node").filter(has_text="Dots")).to_be_visible()
    viewer.get_by_role("button", name="Upscale ×2").click()
    expect(viewer.get_by_text("Upscaled to 480 × 360")).to_be_visible(timeout=90_000)
    maker.shoot("upscaled")
    viewer.locator(".made-picture").click()
    expect(viewer.locator("button.lineage-node").filter(has_text="Dots")).to_be_visible()


def test_a_picture_is_seen_while_it_is_drawn(maker: Person) -> None:
    page = maker.page
    maker.go("/create")
    # So many that it cannot have ended before somebody has looked.
    page.get_by_label("Prompt").fill("a red heart\na green tree\na blue star\na cup")
    page.get_by_label("Seeds", exact=True).fill(", ".join(map(str, range(1, 17))))
    page.locator(".tools .button.primary:visible").click()
    seen = page.locator(".canvas .preview-picture.seen")
    expect(seen).to_be_visible(timeout=60_000)
    # The browser knows no width while the next one is on its way, though it goes on showing this one.
    page.wait_for_function("() => document.querySelector('.canvas .preview-picture.seen')?.naturalWidth > 0")
    assert "/previews/job_" in (seen.get_attribute("src") or "")
    expect(page.locator(".canvas .result")).to_have_count(0)
    maker.shoot("drawing")
    maker.presses("Cancel")
    maker.sees("It was canceled.", most_s=30)


def test_pictures_are_drawn_from_words(maker: Person) -> None:
    page = maker.page
    maker.go("/create")
    page.get_by_label("Prompt").fill("a red heart")
    page.get_by_label("Seeds", exact=True).fill(", ".join(map(str, range(1, 13))))
    page.locator(".chip").first.click()
    page.locator(".tools .button.primary:visible").click()
    expect(page.locator(".canvas .preview")).to_be_visible()
    expect(page.locator(".canvas .result img")).to_have_count(12, timeout=90_000)
    maker.is_settled()
    maker.shoot("drawn")
    page.get_by_role("button", name="Open the picture").first.click()
    expect(page.locator(".viewer").get_by_text("Comes from")).to_be_visible()
    maker.is_settled()
    maker.shoot("drawn-lineage")


def test_what_is_missing_is_said_before_anything_is_sent(maker: Person) -> None:
    maker.go("/create?picture=")
    maker.presses("Redraw")
    maker.sees("Strength")
    maker.page.locator(".tools .button.primary:visible").click()
    maker.sees("Choose a picture first.")


def test_a_picture_that_the_address_names_is_taken(maker: Person) -> None:
    work = next(iter(maker.studio.stack.client("making").artworks.list()))
    maker.go(f"/create?picture={work.id}")
    expect(maker.page.locator(".choice img")).to_be_visible()
    maker.page.locator(".tools .button.primary:visible").click()
    maker.sees("Choose at least one style.")


def test_a_picture_that_is_not_there_is_told(maker: Person) -> None:
    maker.go("/create?picture=art_00000000000000000000000000")
    maker.sees("Not found")


@pytest.mark.timeout(400)
def test_a_checkpoint_that_nobody_measured_is_marked_and_measured_before_it_draws(painter: Person) -> None:
    stack, page = painter.studio.stack, painter.page
    base = imported(stack, "sd", seed=7)
    file = next(lora("sd").glob("*.safetensors"))
    stack.client().import_pipeline(file, name="ink", adapter_of=base.checkpoint, evaluate=False).wait(timeout=120)
    painter.go("/create")
    page.get_by_label("Prompt").fill("a red heart")
    page.get_by_label("Seeds", exact=True).fill("1")
    page.get_by_role("combobox", name="Checkpoint").click()
    expect(page.get_by_role("option", name="starter", exact=True)).to_be_visible()
    expect(page.get_by_role("option", name="ink")).to_have_count(0)
    page.get_by_role("option", name="sd-7 · not measured").click()
    draws = page.locator(".tools .button.primary:visible").filter(has_text="Draw")
    expect(draws).to_have_count(0)
    painter.sees("Nobody has measured this checkpoint yet")
    painter.shoot("unmeasured")
    painter.presses("Measure it")
    painter.sees("It is measured", most_s=120)
    expect(page.get_by_role("button", name="Measure it").locator("visible=true")).to_have_count(0)
    expect(page.get_by_label("Prompt")).to_have_value("a red heart")
    painter.shoot("measured")
    draws.click()
    # Not refused any more: its job is followed.
    expect(page.locator(".canvas .following").get_by_text("Draw from words")).to_be_visible()
    painter.presses("Cancel")
