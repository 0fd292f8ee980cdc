"""Every page of the studio."""

from __future__ import annotations

from impasto_studio.pages import (
    create,
    door,
    job,
    jobs,
    library,
    operators,
    pipeline,
    pipelines,
    training,
    training_run,
)


def register() -> None:
    """Makes every page known to the library that serves them."""
    for module in (door, library, create, training, training_run, jobs, job, pipelines, pipeline, operators):
        module.register()
