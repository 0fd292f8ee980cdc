"""Which pg_dump is taken, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.backup.programs import find_program
from impasto.errors import ImpastoError


def test_a_program_of_another_version_is_not_taken_and_the_hint_says_what_to_install(tmp_path: Path) -> None:
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6'\n")
    program.chmod(0o755)
    with pytest.raises(ImpastoError) as failure:
        find_program("pg_dump", 99, {"PATH": str(tmp_path)})
    assert failure.value.code == "program_missing"
    assert f"9 ({program})" in failure.value.message
    assert "postgresql-client-99" in str(failure.value.hint)


def test_a_program_on_path_of_the_server_s_version_is_found(tmp_path: Path) -> None:
    program = tmp_path / "pg_restore"
    program.write_text("#!/bin/sh\necho 'pg_restore (PostgreSQL) 77.1 (Debian 77.1-1)'\n")
    program.chmod(0o755)
    assert find_program("pg_restore", 77, {"PATH": str(tmp_path)}) == program
