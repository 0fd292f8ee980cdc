"""Settings: read once from the environment in a process's entry, then passed on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from impasto.errors import ImpastoError


class SettingMissing(ImpastoError):
    """A process cannot start without this setting."""


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
    gateway_host: str = _setting("IMPASTO_GATEWAY_HOST", "127.0.0.1", "address the gateway listens on")
    gateway_port: str = _setting("IMPASTO_GATEWAY_PORT", "8080", "port the gateway listens on")
    ingestion_host: str = _setting("IMPASTO_INGESTION_HOST", "127.0.0.1", "address ingestion listens on")
    ingestion_port: str = _setting("IMPASTO_INGESTION_PORT", "8081", "port ingestion listens on")
    ingestion_url: str = _setting("IMPASTO_INGESTION_URL", "http://127.0.0.1:8081", "where the gateway finds ingestion")
    lease_s: str = _setting("IMPASTO_LEASE_S", "30", "seconds a worker may be silent before its jobs are taken from it")
    sweep_s: str = _setting("IMPASTO_SWEEP_S", "5", "seconds between the reconciler's sweeps")
    grace_s: str = _setting("IMPASTO_GRACE_S", "15", "seconds after a database outage in which no lease expires")
    runner_idle_s: str = _setting("IMPASTO_RUNNER_IDLE_S", "60", "seconds an idle runner keeps its memory")
    metrics_port: str = _setting("IMPASTO_METRICS_PORT", "", "port on which the reconciler serves /metrics")
    ready_file: str = _setting("IMPASTO_READY_FILE", "", "a file to make once the process is ready")
    log_level: str = _setting("IMPASTO_LOG_LEVEL", "INFO", "least severe message that is logged")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Reads every setting; those that are not set get their default."""
        values = {f.name: environment.get(f.metadata["variable"]) or f.metadata["default"] for f in fields(cls)}
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

    @property
    def data_folder(self) -> Path:
        return Path(self.data).resolve()

    @property
    def models_folder(self) -> Path:
        return Path(self.models).resolve() if self.models else self.data_folder / "models"
