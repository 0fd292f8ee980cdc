"""`make bench`: runs the benchmarks that are asked for and prints their rows."""

from __future__ import annotations

import argparse
import importlib
import sys
from dataclasses import asdict
from typing import Final

AREAS: Final = ("engine", "claims", "listing", "webhooks", "starting", "silence", "noop", "events")


def main() -> int:
    """Gives 1 if a row misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help=f"areas with commas, of {', '.join(AREAS)}")
    chosen = [area for area in parser.parse_args().only.split(",") if area] or list(AREAS)
    if unknown := set(chosen) - set(AREAS):
        parser.error(f"no area {', '.join(sorted(unknown))}; there are {', '.join(AREAS)}")
    rows = [row for area in chosen for row in importlib.import_module(f"bench.{area}").run()]
    for row in rows:
        print(asdict(row))
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
