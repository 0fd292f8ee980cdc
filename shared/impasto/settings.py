"""Settings: read once from the environment in a process's entry, then passed on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from impasto.errors import ImpastoError

# How long a service lets a connection rest, in seconds. By then no client of ours uses it any more (httpx: 5): a server
# that closes it earlier may do so while a request is on its way, which then has no answer.
REST_S: Final = 75


class SettingMissing(ImpastoError):
    """A process cannot start without this setting."""


class SettingInvalid(ImpastoError):
    """A process cannot start with a setting as it is."""


def _setting(variable: str, default: str | None, doc: str) -> Any:
    return field(metadata={"variable": variable, "default": default, "doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    """Addresses and secrets of the parts. `docs/settings.md` lists them; a test keeps it so."""

    database_url: str = _setting("IMPASTO_DATABASE_URL", "", "PostgreSQL as role impasto_api")
    engine_database_url: str = _setting("IMPASTO_ENGINE_DATABASE_URL", "", "PostgreSQL as role impasto_engine")
    redis_url: str = _setting("IMPASTO_REDIS_URL", "", "the Redis that carries bells")
    s3_endpoint: str = _setting("IMPASTO_S3_ENDPOINT", "", "host:port or http(s) address of the object store")
    s3_access_key: str = _setting("IMPASTO_S3_ACCESS_KEY", "", "access key of the object store")
    s3_secret_key: str = _setting("IMPASTO_S3_SECRET_KEY", "", "secret key of the object store")
    s3_bucket: str = _setting("IMPASTO_S3_BUCKET", "impasto", "the bucket")
    data: str = _setting("IMPASTO_DATA", ".impasto", "folder for caches and work in progress")
    models: str = _setting("IMPASTO_MODELS", "", "folder of pretrained weights (default: models in the data folder)")
    backbones: str = _setting(
        "IMPASTO_BACKBONES",
        "",
        "folder of pretrained backbones, a repository each (default: backbones in the data folder)",
    )
    imports: str = _setting(
        "IMPASTO_IMPORTS",
        "",
        "folder whose folders any tenant may import as checkpoints (default: imports in the data folder)",
    )
    hub: str = _setting("IMPASTO_HUB", "", "`1`: a worker of the queue `preprocess` may download from a hub to import")
    file_most_bytes: str = _setting(
        "IMPASTO_FILE_MOST_BYTES", str(16 << 30), "bytes that one uploaded file of weights may have"
    )
    gateway_host: str = _setting("IMPASTO_GATEWAY_HOST", "127.0.0.1", "address the gateway listens on")
    gateway_port: str = _setting("IMPASTO_GATEWAY_PORT", "8080", "port the gateway listens on")
    ingestion_host: str = _setting("IMPASTO_INGESTION_HOST", "127.0.0.1", "address ingestion listens on")
    ingestion_port: str = _setting("IMPASTO_INGESTION_PORT", "8081", "port ingestion listens on")
    ingestion_url: str = _setting("IMPASTO_INGESTION_URL", "http://127.0.0.1:8081", "where the gateway finds ingestion")
    studio_host: str = _setting("IMPASTO_STUDIO_HOST", "127.0.0.1", "address the studio listens on")
    studio_port: str = _setting("IMPASTO_STUDIO_PORT", "8090", "port the studio listens on")
    studio_secret: str = _setting("IMPASTO_STUDIO_SECRET", "", "signs the studio's session cookies")
    gateway_url: str = _setting("IMPASTO_GATEWAY_URL", "http://127.0.0.1:8080", "where the studio finds the gateway")
    lease_s: str = _setting("IMPASTO_LEASE_S", "30", "seconds a worker may be silent before its jobs are taken from it")
    class_s: str = _setting(
        "IMPASTO_CLASS_S",
        "600",
        "seconds of waiting that are worth one priority class; a tenant that got nothing for so long goes first",
    )
    warm_s: str = _setting(
        "IMPASTO_WARM_S", "10", "seconds of waiting that it is worth to have a job's checkpoint loaded"
    )
    leave_s: str = _setting(
        "IMPASTO_LEAVE_S", "4", "seconds that a job is left to another worker, which has its checkpoint loaded"
    )
    requests_per_s: str = _setting(
        "IMPASTO_REQUESTS_PER_S", "200", "requests a second of one key, in the long run; `0`: as many as come"
    )
    requests_burst: str = _setting("IMPASTO_REQUESTS_BURST", "2000", "requests of one key that may come at once")
    keep_events_days: str = _setting(
        "IMPASTO_KEEP_EVENTS_DAYS", "30", "days that the events of a job are kept after its end; `0`: for ever"
    )
    keep_jobs_days: str = _setting(
        "IMPASTO_KEEP_JOBS_DAYS",
        "90",
        "days that a pipeline, and a job of which nothing is left, is kept after its end; `0`: for ever",
    )
    sweep_s: str = _setting("IMPASTO_SWEEP_S", "5", "seconds between the reconciler's sweeps")
    grace_s: str = _setting("IMPASTO_GRACE_S", "15", "seconds after a database outage in which no lease expires")
    runner_idle_s: str = _setting("IMPASTO_RUNNER_IDLE_S", "60", "seconds an idle runner keeps its memory")
    cache_gb: str = _setting(
        "IMPASTO_CACHE_GB",
        "",
        "GB of fetched objects that a worker keeps on its disk (default: 64, at most half of what is free)",
    )
    engine_memory_bytes: str = _setting(
        "IMPASTO_ENGINE_MEMORY_BYTES",
        "",
        "bytes for an engine's checkpoints and drawings (default: 85 % of a GPU's, half of a host's)",
    )
    engine_width: str = _setting("IMPASTO_ENGINE_WIDTH", "16", "how many pictures an engine advances in one step")
    metrics_host: str = _setting(
        "IMPASTO_METRICS_HOST", "127.0.0.1", "address on which a process without an API serves /metrics"
    )
    metrics_port: str = _setting("IMPASTO_METRICS_PORT", "", "port on which a process without an API serves /metrics")
    webhook_secret_key: str = _setting(
        "IMPASTO_WEBHOOK_SECRET_KEY", "", "seals the secrets of webhooks; several, newest first, with commas between"
    )
    webhook_allow_private: str = _setting(
        "IMPASTO_WEBHOOK_ALLOW_PRIVATE", "", "`1`: webhooks go to any address, port and to http; for development alone"
    )
    ready_file: str = _setting(
        "IMPASTO_READY_FILE", "", "a file to make once the process is ready; its age tells how it goes on"
    )
    log_level: str = _setting("IMPASTO_LOG_LEVEL", "INFO", "least severe message that is logged")
    log_format: str = _setting("IMPASTO_LOG_FORMAT", "console", "`json`: a JSON object a line; `console`: for people")
    traces_endpoint: str = _setting(
        "IMPASTO_TRACES_ENDPOINT",
        "",
        "collector of spans by OTLP/HTTP, such as `http://collector:4318` (default: OTEL_EXPORTER_OTLP_ENDPOINT's)",
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Reads every setting; those that are not set get their default."""
        values = {f.name: environment.get(f.metadata["variable"]) or f.metadata["default"] for f in fields(cls)}
        # The name that every other program of a house with a collector has for it.
        if not values["traces_endpoint"] and environment.get("OTEL_TRACES_EXPORTER") != "none":
            values["traces_endpoint"] = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") or ""
        return cls(**values)

    def require(self, *names: str) -> Settings:
        """This object, if the named settings are set.

        Raises:
            SettingMissing: one of them is empty; the message names its variable.
        """
        for f in fields(self):
            if f.name in names and not getattr(self, f.name):
                variable = f.metadata["variable"]
                raise SettingMissing("value_invalid", f"{variable} is not set: {f.metadata['doc']}")
        return self

    def say_ready(self) -> None:
        """Makes the file that whoever started this process waits for."""
        if self.ready_file:
            Path(self.ready_file).touch()

    def say_alive(self) -> None:
        """Touches that file, once it is there: its age tells how long ago the process last looked for work."""
        if self.ready_file:
            with suppress(OSError):  # a missing sign is seen by whoever looks at it, and must not end the work
                os.utime(self.ready_file)

    @property
    def webhooks_to_anywhere(self) -> bool:
        """Whether the rules on webhooks' addresses are switched off."""
        return self.webhook_allow_private.lower() in {"1", "true", "yes"}

    @property
    def imports_from_hub(self) -> bool:
        """Whether imports may download from a hub."""
        return self.hub.lower() in {"1", "true", "yes"}

    @property
    def cache_most_bytes(self) -> int | None:
        """How large a worker's cache may be; None: as its disk allows."""
        return int(float(self.cache_gb) * 1e9) if self.cache_gb else None

    @property
    def data_folder(self) -> Path:
        return Path(self.data).resolve()

    @property
    def models_folder(self) -> Path:
        return Path(self.models).resolve() if self.models else self.data_folder / "models"

    @property
    def backbones_folder(self) -> Path:
        return Path(self.backbones).resolve() if self.backbones else self.data_folder / "backbones"

    @property
    def imports_folder(self) -> Path:
        return Path(self.imports).resolve() if self.imports else self.data_folder / "imports"
