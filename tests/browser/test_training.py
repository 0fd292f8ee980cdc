"""Training: started in a dialog, then watched."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.asking import ended, submit
from tests.browser.person import Person
from tests.hands import school


def test_without_a_data_set_the_dialog_says_how_to_make_one(person: Person) -> None:
    person.sign_in("nobody")
    person.go("/training")
    person.sees("No training yet")
    person.page.get_by_role("button", name="New training").first.click()
    person.sees("There is no data set yet")


def test_a_training_is_started_and_its_curve_grows(painter: Person, tmp_path: Path) -> None:
    assert school(painter.studio.stack, tmp_path).dataset
    painter.go("/training")
    painter.is_settled()
    painter.page.get_by_role("button", name="New training").first.click()
    dialog = painter.page.locator(".sheet:visible")
    dialog.get_by_label("Name").fill("seen-learning")
    dialog.get_by_label(re.compile("Epochs|Steps")).fill("40")
    painter.shoot("training-new")
    dialog.get_by_role("button", name="Start").click()
    painter.page.wait_for_url(re.compile("/training/job_"))
    painter.sees("seen-learning")
    painter.sees("Made checkpoint", most_s=90)
    expect(painter.page.locator(".curve-chart canvas").first).to_be_visible()
    painter.shoot("training-done")
    painter.go("/training")
    painter.sees("seen-learning")


def test_ages_of_trainings_go_on_and_their_rows_stay(painter: Person, tmp_path: Path) -> None:
    stack = painter.studio.stack
    # All its works are of one medium: its worker refuses it soon, and nothing of it changes from then on.
    params = {"dataset_version": school(stack, tmp_path).dataset.dataset_version, "label": "medium"}
    job = submit(stack, "train.style_classifier", params)["id"]
    ended(stack, job)
    painter.go("/training")
    line = painter.page.locator(f"a.line[href='/training/{job}']")
    expect(line).to_contain_text("Failed")
    line.evaluate("line => { line.sameAsBefore = true; line.focus() }")
    first = line.locator(".row-age").inner_text()
    expect(line.locator(".row-age")).not_to_have_text(first)
    other = submit(stack, "train.style_classifier", params)["id"]
    expect(painter.page.locator("a.line").first).to_have_attribute("href", f"/training/{other}")
    assert line.evaluate("line => line.sameAsBefore")
    expect(line).to_be_focused()


def test_the_curve_grows_while_a_model_learns(painter: Person, tmp_path: Path) -> None:
    taught = school(painter.studio.stack, tmp_path)
    # It goes on for hours if nobody stops it.
    params = {
        "dataset_version": taught.dataset.dataset_version, "name": "growing", "base": None, "flavor": "tiny",
        "steps": 1_000_000, "batch_size": 4,
    }  # fmt: skip
    job = submit(painter.studio.stack, "train.text_to_image", params)["id"]
    painter.go(f"/training/{job}")
    chart = "document.querySelector('.curve-chart')"
    points = f"({chart} && getElement({chart}.id.slice(1))?.chart?.getOption().series?.[0]?.data.length)"
    seen = 0
    for _ in range(3):
        more = painter.page.wait_for_function(f"seen => {points} > seen && {points}", arg=seen, timeout=60_000)
        seen = more.json_value()
    assert seen >= 3
    expect(painter.page.locator(".curve-chart canvas").first).to_be_visible()
    painter.presses("Cancel")
    painter.sees("It was canceled.", most_s=60)


def test_a_name_that_is_not_taken_is_told_where_it_was_typed(painter: Person, tmp_path: Path) -> None:
    assert school(painter.studio.stack, tmp_path).dataset
    painter.go("/training")
    painter.page.get_by_role("button", name="New training").first.click()
    dialog = painter.page.locator(".sheet:visible")
    dialog.get_by_label("Name").fill("Not A Name!")
    dialog.get_by_role("button", name="Start").click()
    painter.sees("params.name")
    expect(dialog).to_be_visible()


def test_what_a_model_draws_while_it_learns_is_seen_step_by_step(painter: Person, tmp_path: Path) -> None:
    taught = school(painter.studio.stack, tmp_path)
    params = {
        "dataset_version": taught.dataset.dataset_version, "name": "drawing", "base": None, "flavor": "tiny",
        "steps": 20, "batch_size": 4, "sample_every": 10, "checkpoint_every": 10,
    }  # fmt: skip
    job = submit(painter.studio.stack, "train.text_to_image", params)["id"]
    painter.go(f"/training/{job}")
    painter.sees("Made checkpoint", most_s=120)
    expect(painter.page.locator(".sample-wall img").first).to_be_visible()
    painter.sees("Step 20")
    slider = painter.page.get_by_role("slider", name="Samples")
    slider.click(position={"x": 12, "y": 8})
    painter.sees("Step 10")
    # The arrow keys lead through the steps, too, once the slider was reached.
    slider.press("ArrowRight")
    painter.sees("Step 20")
    slider.press("ArrowLeft")
    painter.sees("Step 10")
    painter.is_settled()
    painter.shoot("samples")


def test_more_samples_than_the_platform_tells_at_once_are_all_there(painter: Person) -> None:
    stack = painter.studio.stack
    job = ended(stack, submit(stack, "test.stamp", {"text": "drawn often"})["id"])
    stack.sql(
        """INSERT INTO job_samples (tenant_id, job_id, step, sha256)
           SELECT tenant_id, id, step, %s FROM jobs, generate_series(1, 2100) AS step WHERE id = %s""",
        [job["result"]["artifact"]["sha256"], job["id"]],
    )
    painter.go(f"/training/{job['id']}")
    painter.sees("Step 2100")
    expect(painter.page.get_by_role("slider", name="Samples")).to_have_attribute("aria-valuemax", "2099")
