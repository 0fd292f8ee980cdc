"""A worker that is restarted in the middle of its jobs loses none of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from PIL import Image

from impasto import Client
from impasto.jobs import JobState
from impasto.kinds.generate_stylise import Stylise
from impasto.styles import StyleMix
from impasto_smoke.daemon import docker
from impasto_smoke.running import Failed, eventually, run, tell
from impasto_smoke.stack import Stack

_JOBS: Final = 12
_SIDE_PX: Final = 768
_START_S: Final = 120.0
_END_S: Final = 300.0


def a_restart_loses_nothing(stack: Stack, key: str) -> None:
    """Submits jobs, restarts the worker's container without a grace while some of them run, and waits for all.

    Raises:
        Failed: a job did not succeed, or none was running when the worker went.
    """
    with Client(url=stack.url, api_key=key) as client:
        picture, mix = a_picture(client), StyleMix(builtin={"cobalt-night": 1.0})
        jobs = [client.submit(Stylise(picture=picture, mix=mix, strength=1 - number / 100)) for number in range(_JOBS)]
        eventually(lambda: any(job.refresh().state is JobState.RUNNING for job in jobs), "a job runs", _START_S, 0.1)
        run([docker(), "restart", "--time", "0", stack.container("worker-device")["Id"]])
        eventually(lambda: all(job.refresh().state.is_final for job in jobs), "every job ends", _END_S)
        ended = [job.refresh() for job in jobs]
    if lost := [record.id for record in ended if record.state is not JobState.SUCCEEDED]:
        raise Failed(f"a restart of the worker lost {lost}")
    again = sum(record.attempts > 1 for record in ended)
    if not again:
        raise Failed("no job was running when the worker was restarted: nothing was shown")
    tell(f"worker killed and started again: {_JOBS} of {_JOBS} jobs succeeded, {again} of them in a second attempt")


def a_picture(client: Client) -> str:
    """Uploads a picture; its id. The same picture again has the same id."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gradient.png"
        Image.radial_gradient("L").resize((_SIDE_PX, _SIDE_PX)).convert("RGB").save(path)
        [verdict] = client.upload(path).files
    if verdict.artwork is None:
        raise Failed(f"the picture was refused: {verdict.error}")
    return verdict.artwork.id
