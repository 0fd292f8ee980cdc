"""What a process may import before it has work: no torch where nothing is computed, no server in the client."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

_HEAVY = ("torch", "onnxruntime", "ncnn", "tokenizers")
_SERVER = ("fastapi", "starlette", "uvicorn", "celery", "kombu", "redis", "psycopg", "minio", "alembic", "sqlalchemy")
_ENTRIES = (
    "impasto_gateway.__main__",
    "impasto_ingestion.__main__",
    "impasto_notifier.__main__",
    "impasto_reconciler.__main__",
)
_WORKER = (
    "impasto_worker.__main__",
    "impasto_worker.process",
    "impasto_worker.runner_child",
    "impasto_worker.engine_child",
)
_HANDLERS = sorted({point.value.partition(":")[0] for point in entry_points(group="impasto.handlers")})


def _imported_by(statement: str) -> set[str]:
    """The modules of a fresh interpreter after this statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_package_alone_imports_neither_a_server_nor_an_http_client_nor_torch() -> None:
    modules = _imported_by("import impasto")
    assert not modules & {*_HEAVY, *_SERVER, "httpx", "pydantic", "click", "rich", "numpy"}


def test_the_client_imports_nothing_of_the_server() -> None:
    modules = _imported_by("from impasto import Client, AsyncClient")
    assert not modules & {*_HEAVY, *_SERVER, "numpy", "PIL", "impasto_ml", "impasto_worker"}


def test_the_command_lines_help_imports_neither_client_nor_server() -> None:
    modules = _imported_by("import impasto.cli.root")
    assert not modules & {*_HEAVY, *_SERVER, "httpx", "rich", "impasto_worker"}


@pytest.mark.parametrize("module", [*_ENTRIES, *_WORKER, *_HANDLERS])
def test_a_process_that_does_not_compute_imports_nothing_that_computes(module: str) -> None:
    assert _imported_by(f"import {module}") & set(_HEAVY) == set()


def test_no_import_of_the_learning_library_initialises_cuda() -> None:
    walk = (
        "import importlib, pkgutil, impasto_ml\n"
        "for found in pkgutil.walk_packages(impasto_ml.__path__, 'impasto_ml.'): importlib.import_module(found.name)\n"
        "import torch\n"
        "assert not torch.cuda.is_initialized()"
    )
    assert "impasto_ml.training.style_classifier" in _imported_by(walk)
