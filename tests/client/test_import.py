"""`import impasto` is cheap and brings nothing heavy with it."""

from __future__ import annotations

import subprocess
import sys

_HEAVY = ("httpx", "impasto.kinds", "torch", "fastapi", "celery", "pydantic", "rich", "numpy")


def _loaded_by(code: str) -> set[str]:
    ask = f"import sys; {code}; print(*[name for name in {_HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_impasto_loads_nothing_heavy() -> None:
    assert _loaded_by("import impasto") == set()


def test_the_client_loads_httpx_and_no_server_or_torch() -> None:
    # httpx brings rich along where it is installed.
    assert _loaded_by("from impasto import Client") - {"rich"} == {"httpx", "pydantic"}


def test_the_kinds_are_loaded_only_by_who_submits_or_reads_a_result() -> None:
    assert "impasto.kinds" not in _loaded_by("from impasto import Client; Client('http://127.0.0.1:1', 'k')")


def test_the_kinds_load_no_client() -> None:
    assert "httpx" not in _loaded_by("import impasto.kinds")
