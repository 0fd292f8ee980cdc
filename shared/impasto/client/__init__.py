"""The typed client: `Client` and its twin `AsyncClient`.

Everything the two do is written once, as flows that never touch a socket (`flow.py` says how); `threaded.py` and
`asynchronous.py` hold what differs: a transport each and a thin surface.
"""

from __future__ import annotations

from impasto.client.asynchronous import AsyncClient, AsyncJob
from impasto.client.threaded import Client, Job
from impasto.client.upload import UploadProgress

__all__ = ["AsyncClient", "AsyncJob", "Client", "Job", "UploadProgress"]
