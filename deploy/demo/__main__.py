"""`make demo`, as `python -m demo` from the folder above."""

from __future__ import annotations

import sys
from pathlib import Path

# The demonstration is no part of the distribution: its package lies beside this file.
sys.path.insert(0, str(Path(__file__).parent))

from impasto_demo.entry import main

if __name__ == "__main__":
    sys.exit(main())
