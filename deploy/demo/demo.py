"""`make demo`, as a program: `python deploy/demo/demo.py --fast`."""

from __future__ import annotations

import sys

from impasto_demo.entry import main

if __name__ == "__main__":
    sys.exit(main())
