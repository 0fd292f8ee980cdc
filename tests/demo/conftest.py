"""Makes the demonstration importable: it is a program beside the libraries, not part of the distribution."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "deploy" / "demo"))
