"""The programs `pg_dump` and `pg_restore` of a server's own major version: beside a server's programs, or on PATH."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from impasto.embedded.resolve import candidates
from impasto.errors import ImpastoError

_PATIENCE_S: Final = 10
_SAID_LINES: Final = 6


def find_program(name: str, major: int, environment: Mapping[str, str]) -> Path:
    """The program of exactly this major version: an older one refuses, a newer one writes what the server cannot read.

    Raises:
        ImpastoError: there is none; the message says what was found instead, and the hint what to install.
    """
    found = {path.resolve(): _major(path) for path in _candidates(name, environment)}
    for path, its in found.items():
        if its == major:
            return path
    others = ", ".join(f"{its} ({path})" for path, its in found.items() if its) or "none"
    raise ImpastoError(
        "program_missing",
        f"the server is PostgreSQL {major} and needs a {name} of that version; found: {others}",
        hint=f"install PostgreSQL's client programs of version {major} (Debian: postgresql-client-{major}), "
        "or pip install 'impasto[embedded]' if that is its version",
    )


def run_program(program: Path, arguments: Sequence[str], url: str) -> None:
    """Runs it against the database at `url`; the password is in its environment, where other users cannot read it.

    Raises:
        ImpastoError: it failed; the message is the end of what it said.
    """
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    # The key of an encrypted connection may have one as well, which stays in the address: it has no other way.
    place = make_conninfo("", **{name: str(value) for name, value in parts.items() if value is not None})
    secret = {"PGPASSWORD": str(password)} if password else {}
    done = subprocess.run(
        [program, *arguments, "--no-password", "--dbname", place],
        env={**os.environ, **secret, "LC_ALL": "C"}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, umask=0o077,
    )  # fmt: skip
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-_SAID_LINES:])
        hint = None
        if "row-level security" in said:
            hint = "the address has to be of a superuser, or of the owner with the attribute BYPASSRLS"
        raise ImpastoError("database_unavailable", f"{program.name} failed: {said}", hint=hint)


def _candidates(name: str, environment: Mapping[str, str]) -> Iterator[Path]:
    for choice in candidates("postgres", environment):
        assert choice.program
        if (beside := choice.program.with_name(name)).exists():
            yield beside
    if called := shutil.which(name, path=environment.get("PATH", "")):
        yield Path(called)
    # Debian's client packages come without a server.
    yield from Path("/usr/lib/postgresql").glob(f"*/bin/{name}")


def _major(program: Path) -> int | None:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"\) (\d+)", said.stdout)
    return int(version[1]) if version else None
