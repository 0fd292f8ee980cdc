"""The decoder's process: a line of JSON in for each file, a line out; it ends when its input does."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from impasto_ingestion.decoder.confining import allow_one_file, confine


def answer(line: str) -> dict[str, Any]:
    """What became of one file."""
    # Late: confinement comes before the library that it is for.
    from impasto_ingestion.decoder.decoding import decode
    from impasto_ingestion.decoder.refusing import Refused

    asked = json.loads(line)
    try:
        return {"decoded": asdict(decode(Path(asked["source"]), Path(asked["target"])))}
    except Refused as refused:
        return {"refused": refused.as_record()}


def main() -> None:
    """Answers until the input ends. Whatever else goes wrong ends the process, and its owner starts another."""
    confine()
    for line in sys.stdin:
        allow_one_file()
        sys.stdout.write(json.dumps(answer(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
