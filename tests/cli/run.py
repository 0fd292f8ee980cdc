"""Runs the command line in this process, as click's own runner does, against an address or none."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from impasto.cli.root import root

_EMPTY = {"IMPASTO_URL": None, "IMPASTO_API_KEY": None}


def impasto(*arguments: str, url: str | None = None, key: str = "key", **environment: str | None) -> Result:
    """One run; stdout and stderr apart."""
    given = {"IMPASTO_URL": url, "IMPASTO_API_KEY": key} if url else _EMPTY
    result = CliRunner().invoke(root, list(arguments), env={**given, **environment}, prog_name="impasto")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def read_json(result: Result) -> Any:
    """What a run with `--json` printed: stdout must be one document and nothing else."""
    return json.loads(result.stdout)
