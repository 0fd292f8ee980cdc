"""Redis and S3: the configuration files and commands of their servers."""

from __future__ import annotations

import json
import os
from pathlib import Path

from impasto.embedded.credentials import Credentials
from impasto.embedded.files import write_private
from impasto.embedded.part import Part
from impasto.embedded.ports import SEAWEED_GRPC_OFFSET
from impasto.embedded.probes import HttpOk, RedisPing
from impasto.embedded.resolve import Choice


def redis_part(choice: Choice, data: Path, port: int, password: str, durable: bool = True) -> Part:
    """The Redis-protocol server; the append-only file keeps queued bells over a kill, `noeviction` over a full memory.

    Each product and major version has its own folder, because none reads a newer one's files. What an older folder
    held can be rebuilt: PostgreSQL is the truth, Redis is the bell.
    """
    assert choice.program
    folder = data / f"redis-{choice.product}-{choice.major}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": f'"{folder}"',
        # In a file, not on the command line, where every user of the machine could read it.
        "requirepass": password,
        "appendonly": "yes" if durable else "no",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    configuration = folder / "server.conf"
    write_private(configuration, "".join(f"{key} {value}\n" for key, value in lines.items()))
    return Part(
        "redis", (str(choice.program), str(configuration)), probe=RedisPing(port, password), environment=_base()
    )


def s3_part(choice: Choice, data: Path, ports: dict[str, int], credentials: Credentials) -> Part:
    """The S3 server. The folder carries the product's name, because neither reads the other's."""
    assert choice.program
    folder = data / f"s3-{choice.product}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if choice.product == "minio":
        secrets = {"MINIO_ROOT_USER": credentials.s3_access_key, "MINIO_ROOT_PASSWORD": credentials.s3_secret_key}
        addresses = ("--address", f"127.0.0.1:{ports['s3']}", "--console-address", f"127.0.0.1:{ports['s3_admin']}")
        command = (str(choice.program), "server", str(folder), *addresses)
        return Part("s3", command, probe=HttpOk(ports["s3"], "/minio/health/ready"), environment=_base() | secrets)
    return Part(
        "s3",
        (str(choice.program), "-logtostderr=true", "mini", *_weed_options(folder, ports, credentials)),
        probe=HttpOk(ports["s3"], "/healthz"),
        environment=_base() | {"GOGC": "50", "GOMAXPROCS": "2"},
        grace_s=15.0,
    )


def _weed_options(folder: Path, ports: dict[str, int], credentials: Credentials) -> list[str]:
    """`weed mini`: against `weed server -filer -s3` it is ready in 1 s instead of 3 and stops in 2 s instead of 25."""
    identity = {
        "name": "impasto",
        "credentials": [{"accessKey": credentials.s3_access_key, "secretKey": credentials.s3_secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    identities = folder.with_name(f"{folder.name}.json")
    write_private(identities, json.dumps({"identities": [identity]}))
    # It keeps its options in this file and would prefer old ports from there.
    (folder / "mini.options").unlink(missing_ok=True)
    named = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "s3.config": identities,
        "s3.iam": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "webdav": "false",
        "admin.ui": "false",
        "master.telemetry": "false",  # on by default: it reports to its makers
        # A resumed election state keeps one core at 3 % for ever (0.3 % without). One master has nothing to resume:
        # the volumes tell it their numbers and highest keys before it hands out the first new one.
        "master.resumeState": "false",
        "admin.port.grpc": ports["s3_admin"] + SEAWEED_GRPC_OFFSET,
    }
    for role in ("s3", "master", "volume", "filer", "admin"):
        named[f"{role}.port"] = ports["s3" if role == "s3" else f"s3_{role}"]
        if role != "admin":
            named[f"{role}.port.grpc"] = ports[f"{role}_grpc" if role == "s3" else f"s3_{role}_grpc"]
    return [f"-{key}={value}" for key, value in named.items()]


def _base() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/"), "TZ": "UTC"}
