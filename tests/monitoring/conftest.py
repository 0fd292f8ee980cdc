"""What needs Prometheus' own programs is collected where they are: `make test-system` sees to it that they are."""

from __future__ import annotations

import shutil

collect_ignore = (
    [] if shutil.which("prometheus") and shutil.which("promtool") else ["test_rules.py", "test_scraping.py"]
)
