"""The allow-list reader against torch's own writer, and against files that ask for more."""

import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from impasto_ml.pretrained.pickles import UnsafePickle, read_tensors


def _saved(folder: Path, state: object) -> Path:
    path = folder / "weights.pth"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    return path


def test_tensors_come_out_as_torch_wrote_them(tmp_path: Path) -> None:
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = OrderedDict(
        whole=base,
        view=base[1:, ::2],
        turned=base.t(),
        scalar=torch.tensor(7),
        half=torch.ones(3, dtype=torch.float16),
        empty=torch.zeros(0, 3),
    )
    read = read_tensors(_saved(tmp_path, state))
    assert set(read) == set(state)
    for name, tensor in state.items():
        assert read[name].dtype == tensor.numpy().dtype
        assert np.array_equal(read[name], tensor.numpy())


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_file_that_asks_for_a_function_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    bait = tmp_path / "made-by-the-pickle"
    with pytest.raises(UnsafePickle, match="mkdir"):
        read_tensors(_saved(tmp_path, OrderedDict(weight=torch.ones(2), extra=_Touch(bait))))
    assert not bait.exists()


def test_a_bare_hostile_pickle_is_refused_before_the_header_is_judged(tmp_path: Path) -> None:
    bait, path = tmp_path / "bait", tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps(_Touch(bait)))
    with pytest.raises(UnsafePickle):
        read_tensors(path)
    assert not bait.exists()


def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tmp_path: Path) -> None:
    path = _saved(tmp_path, OrderedDict(weight=torch.zeros(300, 300)))
    raw = path.read_bytes()
    size = b"M" + (300).to_bytes(2, "little")
    assert raw.count(size) >= 2
    path.write_bytes(raw.replace(size, b"M" + (60000).to_bytes(2, "little"), 1))
    with pytest.raises(UnsafePickle, match="beyond"):
        read_tensors(path)


@pytest.mark.parametrize("keep", [0, 10, 200, -4])
def test_a_file_cut_short_is_refused(tmp_path: Path, keep: int) -> None:
    path = _saved(tmp_path, OrderedDict(weight=torch.ones(50)))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UnsafePickle):
        read_tensors(path)


def test_the_zip_layout_and_plain_lists_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"weight": torch.ones(1)}, buffer)
    path = tmp_path / "zip.pth"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(UnsafePickle):
        read_tensors(path)
    with pytest.raises(UnsafePickle, match="dictionary"):
        read_tensors(_saved(tmp_path, [torch.ones(1)]))
