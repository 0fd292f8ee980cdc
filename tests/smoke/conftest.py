"""The smoke program is not installed: its folder is put on the path."""

from __future__ import annotations

import sys

from tests.contracts.kept import ROOT

sys.path.insert(0, str(ROOT / "deploy" / "smoke"))
