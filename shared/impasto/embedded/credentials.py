"""The secrets of the embedded servers: made once, kept in the data folder, readable by their owner only."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from impasto.embedded.files import read_json, write_json


@dataclass(frozen=True, slots=True)
class Credentials:
    postgres_password: str
    api_role_password: str
    engine_role_password: str
    redis_password: str
    s3_access_key: str
    s3_secret_key: str
    studio_secret: str
    webhook_secret_key: str

    @classmethod
    def make(cls) -> Credentials:
        """Fresh random secrets; hexadecimal, so that they need no quoting in an address or a config file."""
        return cls(**{f.name: secrets.token_hex(20) for f in fields(cls)})

    @classmethod
    def kept(cls, path: Path) -> Credentials:
        """Those in `path`; what is missing there is made and kept."""
        known = read_json(path)
        made = {f.name: str(known.get(f.name) or secrets.token_hex(20)) for f in fields(cls)}
        if made != known:
            write_json(path, made)
        return cls(**made)

    def as_record(self) -> dict[str, str]:
        return asdict(self)
