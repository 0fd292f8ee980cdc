"""Where everything of the embedded platform lies on disk."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_DATA = ".impasto"
ROOT_HOME = Path("/var/lib/impasto")


@dataclass(frozen=True, slots=True)
class Layout:
    """The data folder and the names in it; `data` is absolute."""

    data: Path

    @classmethod
    def at(cls, data: str | Path | None) -> Layout:
        """The layout of `data`, or of IMPASTO_DATA, or of `.impasto` in the current folder."""
        return cls(Path(data or os.environ.get("IMPASTO_DATA") or DEFAULT_DATA).absolute())

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def state(self) -> Path:
        return self.run / "state.json"

    @property
    def lock(self) -> Path:
        return self.run / "lock"

    @property
    def ports(self) -> Path:
        return self.data / "ports.json"

    @property
    def credentials(self) -> Path:
        return self.data / "credentials.json"

    @property
    def api_key(self) -> Path:
        return self.data / "api_key"

    @property
    def client(self) -> Path:
        return self.data / "client.json"

    @property
    def metrics(self) -> Path:
        """By which Prometheus finds the parts."""
        return self.data / "metrics.json"

    @property
    def models(self) -> Path:
        return self.data / "models"

    @property
    def postgres_mark(self) -> Path:
        """Says that this data folder's own cluster was made; a cluster without it is of a folder that is gone."""
        return self.data / "postgres.made"

    @property
    def root_home(self) -> Path:
        """Where PostgreSQL lives when we are root: its user may be able to enter neither the home nor the venv."""
        return ROOT_HOME / hashlib.sha256(str(self.data).encode()).hexdigest()[:16]

    @property
    def postgres(self) -> Path:
        """The folder that holds PostgreSQL's data directory."""
        return (self.root_home if os.geteuid() == 0 else self.data) / "postgres"

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"

    def ready_file(self, part: str) -> Path:
        """What a part writes to say that it is ready; IMPASTO_READY_FILE tells it the name."""
        return self.run / f"{part}.ready"

    def make(self) -> None:
        """Creates the folders, readable by their owner only."""
        for folder in (self.data, self.run, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
