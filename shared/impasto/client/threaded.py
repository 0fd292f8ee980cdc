"""The blocking client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, Unpack, overload

from impasto.artworks import Artwork, UploadResult
from impasto.checkpoints import Checkpoint
from impasto.client import downloads, jobs, resources, upload, watching
from impasto.client.address import find_address
from impasto.client.jobs import SubmitOptions
from impasto.client.resources import About, CreatedKey
from impasto.client.retrying import Retries
from impasto.client.threaded_transport import Transport
from impasto.client.upload import Metadata, Source, UploadProgress
from impasto.datasets import Dataset, DatasetVersion
from impasto.jobs import JobEvent, JobRecord, JobState, Progress
from impasto.lineage import LineageGraph
from impasto.styles import NewStyle, Style, StyleMix
from impasto.tenants import ApiKeyRecord, Scope

if TYPE_CHECKING:
    from impasto import kinds as k
