"""The typed client: `Client` and its twin `AsyncClient`.

Everything the two do is written once, as flows that never touch a socket (`flow.py` says how); `threaded.py` and
`asynchronous.py` hold what differs: a transport each and a thin surface.
"""

from __future__ import annotations

from impasto.client.asynchronous import AsyncClient
from impasto.client.asynchronous_pipelines import AsyncPipeline
from impasto.client.asynchronous_resources import AsyncJob
from impasto.client.files import FileProgress
from impasto.client.threaded import Client
from impasto.client.threaded_pipelines import Pipeline
from impasto.client.threaded_resources import Job
from impasto.client.upload import UploadProgress

__all__ = ["AsyncClient", "AsyncJob", "AsyncPipeline", "Client", "FileProgress", "Job", "Pipeline", "UploadProgress"]
