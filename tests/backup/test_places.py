"""Where there is nothing to save, nothing is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.backup import opened
from impasto.embedded.layout import Layout
from impasto.errors import Unavailable


def test_a_folder_without_a_platform_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path / "nothing")
    with pytest.raises(Unavailable, match="there is no platform in"), opened(layout, 8080, {}, down=False):
        pass
    assert not layout.data.exists()
