"""What a worker tells of itself: how occupied its device is, and how long its engine loads."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Gauge

from impasto.backends import disk
from impasto.jobs import ClaimedJob
from impasto.testing.processes import eventually
from impasto_worker.active import ActiveJob, ActiveJobs
from impasto_worker.figures import DeviceFigures
from tests.worker.drawing import Studio, request


def _job(number: int) -> ActiveJob:
    return ActiveJob(ClaimedJob(f"job_{number}", "tnt_t", "test.stamp", "pool", {}, 1, 1, 60, None))


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


def test_a_device_is_in_use_while_it_has_a_job_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock()
    monkeypatch.setattr("impasto_worker.active.time", clock)
    active, registry = ActiveJobs(), CollectorRegistry()
    registry.register(DeviceFigures("cuda:1", active))

    def told() -> tuple[float | None, float | None]:
        names = ("impasto_slots_busy", "impasto_device_busy_seconds_total")
        jobs, busy_s = (registry.get_sample_value(name, {"device": "cuda:1"}) for name in names)
        return jobs, busy_s

    assert told() == (0, 0)
    first, second = _job(1), _job(2)
    moves = [(5, active.add, first), (2, active.add, second), (3, active.remove, first), (4, active.remove, second)]
    for seconds, do, job in moves:
        clock.now += seconds
        do(job)
    clock.now += 100
    assert told() == (0, 2 + 3 + 4)
    active.add(first)
    clock.now += 7
    assert told() == (1, 16), "one that still runs counts up to now"


def test_a_load_of_a_checkpoint_is_counted_once_with_its_seconds(studio: Studio) -> None:
    def counted(ending: str) -> float:
        return REGISTRY.get_sample_value(f"impasto_model_load_seconds_{ending}") or 0.0

    before, before_s = counted("count"), counted("sum")
    gate = studio.folder / "load"
    gate.touch()
    checkpoint = studio.checkpoint(load_gate=str(gate))
    drawn = studio.draw(checkpoint, request())
    eventually(gate.with_suffix(".reached").exists, "it is being loaded")
    began = time.monotonic()
    assert counted("count") == before
    least_s = time.monotonic() - began
    gate.unlink()
    assert drawn.result(30).pictures
    assert studio.draw(checkpoint, request()).result(30).pictures
    eventually(lambda: counted("count") == before + 1, "the load is counted")
    assert least_s <= counted("sum") - before_s <= time.monotonic() - began + 30
    assert studio.draw(studio.checkpoint("second"), request()).result(30).pictures
    eventually(lambda: counted("count") == before + 2, "the other is counted")


def test_a_disk_is_told_before_its_folder_is_there_and_one_that_is_broken_ends_no_scrape(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    free, size = Gauge("free", "", registry=None), Gauge("size", "", registry=None)
    monkeypatch.setattr(disk, "FREE", free)
    monkeypatch.setattr(disk, "SIZE", size)
    disk.watch_disk(tmp_path / "not" / "made" / "yet")

    def told() -> tuple[float, float]:
        return next(iter(free.collect())).samples[0].value, next(iter(size.collect())).samples[0].value

    assert 0 < told()[0] <= told()[1]

    def broken(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk.shutil, "disk_usage", broken)
    assert [value != value for value in told()] == [True, True], "no numbers"
