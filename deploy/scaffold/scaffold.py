"""`make kind` and `make family`, as a program: `python deploy/scaffold/scaffold.py kind generate.sepia`."""

from __future__ import annotations

import sys

from impasto_scaffold.entry import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
