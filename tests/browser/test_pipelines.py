"""Pipelines: the list lives, and one shows its steps, is stopped and resumed."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.piping.asking import accepted, over, stamp


def test_a_pipeline_is_followed_step_by_step_stopped_and_resumed(painter: Person, tmp_path: Path) -> None:
    stack, gate = painter.studio.stack, tmp_path / "gate"
    gate.touch()
    steps = {
        "first": stamp("a"),
        "second": stamp("b", source="$steps.first.artifact", gate=str(gate), pause_at="compute"),
        "last": stamp("c", after=["second"]),
        "never": stamp("d", **{"if": "second.artifact.size_bytes > 100"}),
    }
    pipeline_id = accepted(stack, steps, name="seen in the studio")
    painter.go("/jobs")
    painter.presses("Pipelines")
    painter.presses("seen in the studio", exact=False)
    painter.page.wait_for_url(f"**/pipelines/{pipeline_id}")
    lines = painter.page.locator(".line.step")
    expect(lines).to_have_count(4)
    expect(lines.nth(1)).to_contain_text("Running")
    expect(lines.nth(2)).to_contain_text("Needs second")
    painter.shoot("pipeline-running")
    painter.presses("Cancel")
    expect(lines.nth(2)).to_contain_text("Canceled", timeout=30_000)
    assert over(stack, pipeline_id)["state"] == "canceled"
    gate.unlink()
    painter.presses("Resume")
    expect(lines.nth(2)).to_contain_text("Succeeded", timeout=30_000)
    expect(lines.nth(3)).to_contain_text("does not hold")
    expect(painter.page.locator(".event").last).to_contain_text("Succeeded")
    painter.shoot("pipeline-done")
    job = over(stack, pipeline_id)["steps"]["last"]["job_id"]
    lines.nth(2).click()
    painter.page.wait_for_url(f"**/jobs/{job}")
    painter.presses("A step of a pipeline")
    painter.page.wait_for_url(f"**/pipelines/{pipeline_id}")


def test_a_pipeline_of_another_tenant_is_not_found(painter: Person) -> None:
    pipeline_id = accepted(painter.studio.stack, {"a": stamp("theirs")}, tenant="second")
    painter.go(f"/pipelines/{pipeline_id}")
    painter.sees("Not found")
