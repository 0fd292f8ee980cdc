"""The tenant's vector file and exact search in it."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from impasto_analyse.artwork.search import nearest
from impasto_analyse.artwork.vectors import ID_BYTES, VectorFile

_WIDTH = 16
_ROW = 2 * _WIDTH

Row = tuple[int, str, bytes]


def rows_of(count: int, seed: int = 0) -> list[Row]:
    """(seq, id, vector): sequence numbers have holes, as in the database."""
    table = np.random.default_rng(seed).standard_normal((count, _WIDTH))
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    return [(3 * n + 1, f"art_{n:026d}", row.astype("<f2").tobytes()) for n, row in enumerate(table)]


class Source:
    """Rows as the database answers for them; counts how many it was asked to give."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows, self.given = rows, 0

    def __call__(self, seq: int, most: int) -> list[Row]:
        found = [row for row in self.rows if row[0] > seq][:most]
        self.given += len(found)
        return found


def unstopped() -> None:
    return None


def test_only_what_is_newer_is_appended(tmp_path: Path) -> None:
    rows = rows_of(5000)
    source = Source(rows[:4500])
    file = VectorFile(tmp_path, _ROW)
    assert file.refresh(source, unstopped) == 4500
    source.rows = rows
    assert VectorFile(tmp_path, _ROW).refresh(source, unstopped) == 5000
    assert source.given == 5000
    assert file.vectors.read_bytes() == b"".join(vector for _, _, vector in rows)
    assert file.ids.stat().st_size == 5000 * ID_BYTES


def test_what_a_killed_process_left_half_written_is_written_again(tmp_path: Path) -> None:
    rows = rows_of(10)
    file = VectorFile(tmp_path, _ROW)
    file.refresh(Source(rows[:6]), unstopped)
    with file.vectors.open("ab") as vectors, file.ids.open("ab") as ids:
        vectors.write(rows[6][2] + b"half")
        ids.write(b"art_")
    assert file.refresh(Source(rows), unstopped) == 10
    assert file.vectors.read_bytes() == b"".join(vector for _, _, vector in rows)
    assert file.ids.read_bytes() == "".join(identifier for _, identifier, _ in rows).encode()


def test_slots_that_refresh_at_once_do_not_write_twice(tmp_path: Path) -> None:
    source = Source(rows_of(3000))
    threads = [threading.Thread(target=VectorFile(tmp_path, _ROW).refresh, args=(source, unstopped)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.given == 3000
    assert VectorFile(tmp_path, _ROW).vectors.stat().st_size == 3000 * _ROW


def test_a_vector_of_another_width_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 4 bytes"):
        VectorFile(tmp_path, _ROW).refresh(Source([(1, f"art_{0:026d}", b"1234")]), unstopped)


def test_search_in_blocks_finds_what_a_full_product_finds(tmp_path: Path) -> None:
    rows = rows_of(10_000)
    file = VectorFile(tmp_path, _ROW)
    valid = file.refresh(Source(rows), unstopped)
    table = np.frombuffer(b"".join(vector for _, _, vector in rows), "<f2").reshape(-1, _WIDTH).astype(np.float32)
    for chosen in (0, 4095, 4096, 9999):
        found = nearest(table[chosen], file.vectors, file.ids, valid, 5, rows[chosen][1])
        scores = table @ table[chosen]
        scores[chosen] = -2
        order = np.argsort(-scores, kind="stable")[:5]
        assert [identifier for identifier, _ in found] == [rows[index][1] for index in order]
        assert [value for _, value in found] == pytest.approx(scores[order].tolist(), abs=1e-5)


def test_rows_beyond_the_valid_ones_are_not_seen(tmp_path: Path) -> None:
    rows = rows_of(20)
    file = VectorFile(tmp_path, _ROW)
    file.refresh(Source(rows), unstopped)
    query = np.frombuffer(rows[15][2], "<f2")
    assert nearest(query, file.vectors, file.ids, 20, 1)[0][0] == rows[15][1]
    assert rows[15][1] not in {identifier for identifier, _ in nearest(query, file.vectors, file.ids, 15, 15)}


def test_an_empty_collection_has_no_neighbours(tmp_path: Path) -> None:
    file = VectorFile(tmp_path, _ROW)
    assert file.refresh(Source([]), unstopped) == 0
    assert nearest(np.ones(_WIDTH), file.vectors, file.ids, 0, 5) == []
