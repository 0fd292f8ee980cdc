"""`make starter`, as a program: `python deploy/starter/starter.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "demo"))

from impasto_starter.entry import main

if __name__ == "__main__":
    sys.exit(main())
