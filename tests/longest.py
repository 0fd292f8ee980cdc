"""Files that take long: the processes that share the files of tests begin with these.

The first has the machine alone, and at the start nobody has to end for it. A file that is missing here costs time only
when it is long and happens to be begun last.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

_TESTS: Final = Path(__file__).parent
_LONGEST: Final = (
    "jobs/test_state_machine.py",
    "contracts/test_scaffold.py",
    "train/test_text_to_image.py",
    "demo/test_from_words.py",
    "backup/test_embedded.py",
    "embedded/test_up_and_down.py",
    "faults/test_under_load.py",
    "gateway/test_tenant_events.py",
    "quotas/test_quotas.py",
    "telemetry/test_without_collector.py",
    "gateway/test_odd_requests.py",
)


def place_of(item: pytest.Item) -> int:
    """Where to sort a test; those of the same place stay in their order."""
    return _PLACES.get(item.path, len(_LONGEST))


_PLACES: Final = {_TESTS / name: place for place, name in enumerate(_LONGEST)}
