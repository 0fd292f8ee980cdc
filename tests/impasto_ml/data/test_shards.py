"""Shards: equal samples give equal bytes, and what was written is what is read."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from impasto_ml.data.shards import Sample, ShardError, read_shards, write_shards


def _samples(count: int) -> Iterator[Sample]:
    for number in range(count):
        features = np.full(4, number, dtype=np.float16) if number % 2 else None
        yield Sample(f"key-{number:03d}", b"picture %d" % number, "png", {"b": "é", "a": number}, features)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    summaries = list(write_shards(_samples(5), tmp_path, samples_per_shard=2))
    assert [(s.path.name, s.samples) for s in summaries] == [
        ("shard-000000.tar", 2),
        ("shard-000001.tar", 2),
        ("shard-000002.tar", 1),
    ]
    read = list(read_shards(s.path for s in summaries))
    for got, expected in zip(read, _samples(5), strict=True):
        assert (got.key, got.picture, got.format, got.record) == (
            expected.key,
            expected.picture,
            expected.format,
            expected.record,
        )
        assert (got.features is None) == (expected.features is None)
    assert read[3].features is not None
    assert read[3].features.dtype == np.float16
    assert read[3].features.tolist() == [3, 3, 3, 3]


def test_the_same_samples_give_the_same_digest(tmp_path: Path) -> None:
    first = [s.sha256 for s in write_shards(_samples(7), tmp_path / "a", 3)]
    second = [s.sha256 for s in write_shards(_samples(7), tmp_path / "b", 3)]
    assert first == second
    assert len(set(first)) == 3


def test_names_ascend_and_nothing_of_this_machine_is_in_the_tar(tmp_path: Path) -> None:
    (summary,) = write_shards(_samples(4), tmp_path)
    with tarfile.open(summary.path) as tar:
        members = tar.getmembers()
    assert [m.name for m in members] == sorted(m.name for m in members)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
    assert "key-001.features.npy" in {m.name for m in members}


def test_pictures_can_be_left_unread(tmp_path: Path) -> None:
    (summary,) = write_shards(_samples(3), tmp_path)
    read = list(read_shards([summary.path], pictures=False))
    assert [s.picture for s in read] == [b"", b"", b""]
    assert [s.record["a"] for s in read] == [0, 1, 2]


def test_writing_holds_no_more_than_a_sample_ahead(tmp_path: Path) -> None:
    drawn = 0

    def watched() -> Iterator[Sample]:
        nonlocal drawn
        for sample in _samples(6):
            drawn += 1
            yield sample

    shards = write_shards(watched(), tmp_path, samples_per_shard=2)
    next(shards)
    assert drawn == 2


@pytest.mark.parametrize("keys", [("b", "a"), ("a", "a"), ("with.dot",), ("../escape",), ("",)])
def test_keys_that_would_break_the_layout_are_refused(tmp_path: Path, keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="key"):
        list(write_shards((Sample(key, b"", "png") for key in keys), tmp_path))


def test_no_samples_make_no_shard(tmp_path: Path) -> None:
    assert list(write_shards([], tmp_path)) == []


@pytest.mark.parametrize("cut", [100, 1700])
def test_a_shard_cut_short_is_said_so(tmp_path: Path, cut: int) -> None:
    (summary,) = write_shards(_samples(4), tmp_path)
    summary.path.write_bytes(summary.path.read_bytes()[:cut])
    with pytest.raises(ShardError, match="shard-000000"):
        list(read_shards([summary.path]))


def test_a_pickled_array_and_a_link_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for name, members in (
        ("pickle.tar", {"k.features.npy": buffer.getvalue(), "k.json": b"{}", "k.png": b""}),
        ("record.tar", {"k.json": b"{", "k.png": b""}),
        ("alone.tar", {"k.json": b"{}"}),
    ):
        with tarfile.open(tmp_path / name, "w") as tar:
            for member, content in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        with pytest.raises(ShardError, match=name):
            list(read_shards([tmp_path / name]))
    link = tarfile.TarInfo("k.json")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "link.tar", "w") as tar:
        tar.addfile(link)
    with pytest.raises(ShardError, match=r"link\.tar"):
        list(read_shards([tmp_path / "link.tar"]))
