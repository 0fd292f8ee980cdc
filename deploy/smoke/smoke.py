"""`make smoke`, as a program: `python deploy/smoke/smoke.py`, as root."""

from __future__ import annotations

import sys

from impasto_smoke.entry import main

if __name__ == "__main__":
    sys.exit(main())
