"""When each job waited and ran, on one common scale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from impasto_demo.outcome import JobTimeline
from impasto_demo.report.markup import duration, text


def gantt(jobs: Sequence[JobTimeline]) -> str:
    """A row a job, oldest first: hatched while it waited, filled while it ran, in its worker's colour."""
    first = min(job.queued_at for job in jobs)
    whole = max((job.finished_at - first).total_seconds() for job in jobs) or 1.0
    workers = sorted({job.worker for job in jobs})

    def share(moment: datetime) -> str:
        return f"{min(1.0, max(0.0, (moment - first).total_seconds() / whole)):.5f}"

    rows = "".join(
        f'<div class="job"><span title="{text(job.kind)} {text(job.job_id)}">{text(job.title)}</span>'
        f'<span class="lane">'
        f'<i style="--from:{share(job.queued_at)};--to:{share(job.started_at)}"></i>'
        f'<b class="{_tone(job, workers)}" style="--from:{share(job.started_at)};--to:{share(job.finished_at)}"></b>'
        f"</span>"
        f'<span class="time">{duration((job.finished_at - job.started_at).total_seconds())}</span></div>'
        for job in jobs
    )
    ticks = "".join(f"<span>{round(whole * part / 4)} s</span>" for part in range(5))
    scale = f'<div class="job"><span></span><span class="ticks">{ticks}</span><span></span></div>'
    return f'<div class="gantt">{rows}{scale}</div>{_key(workers)}'


def _tone(job: JobTimeline, workers: Sequence[str]) -> str:
    return "other" if workers.index(job.worker) % 2 else ""


def _key(workers: Sequence[str]) -> str:
    named = "".join(
        f'<span><i class="{"warm" if number % 2 else ""}"></i>{text(worker or "a worker")}</span>'
        for number, worker in enumerate(workers)
    )
    return f'<p class="key" style="margin-top:1rem">{named}<span>hatched: waiting its turn</span></p>'
