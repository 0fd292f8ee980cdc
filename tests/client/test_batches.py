"""Which pictures are sent, with which words, in which portions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from impasto.client.batches import BATCH_BYTES, Picture, cut, find_pictures, form_of
from impasto.errors import InvalidInput


def _make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def test_a_folder_gives_its_pictures_in_order_and_nothing_else(tmp_path: Path) -> None:
    _make(tmp_path, "b.PNG", "a.jpg", "deep/c.webp", "notes.md", ".hidden.png", ".cache/d.png")
    assert [picture.name for picture in find_pictures([tmp_path])] == ["a.jpg", "b.PNG", "deep/c.webp"]


def test_a_file_that_is_named_is_sent_whatever_it_is_called(tmp_path: Path) -> None:
    _make(tmp_path, "scan")
    assert [picture.name for picture in find_pictures([tmp_path / "scan"])] == ["scan"]


def test_the_same_file_named_twice_is_sent_once(tmp_path: Path) -> None:
    _make(tmp_path, "one/a.png", "two/a.png")
    found = find_pictures([tmp_path / "one", tmp_path / "one" / "a.png", tmp_path / "two"])
    assert [(picture.path.parent.name, picture.name) for picture in found] == [("one", "a.png"), ("two", "a.png")]


def test_equal_names_keep_their_name_and_go_in_different_batches(tmp_path: Path) -> None:
    _make(tmp_path, "ink/sun.png", "ink/moon.png", "oil/sun.png", "oil/moon.png", "oil/star.png", "wax/sun.png")
    batches = list(cut(find_pictures([tmp_path])))
    assert [[picture.name for picture in batch] for batch in batches] == [
        ["ink/moon.png", "ink/sun.png", "oil/star.png"],
        ["oil/moon.png", "oil/sun.png"],
        ["wax/sun.png"],
    ]
    assert [part.name for part in form_of(batches[0], {}).files] == ["moon.png", "sun.png", "star.png"]


def test_a_name_is_sent_without_what_a_header_would_escape() -> None:
    assert Picture(Path('say "cheese"\n.png'), "x", 1).sent_name == "say _cheese_.png"
    assert Picture(Path("e\u0301.png"), "x", 1).sent_name == "\u00e9.png"


def test_captions_come_from_the_nearest_table_before_the_text_beside_before_nothing(tmp_path: Path) -> None:
    _make(tmp_path, "a.png", "b.png", "deep/c.png", "deep/d.png")
    (tmp_path / "a.txt").write_text("beside\n")
    (tmp_path / "b.txt").write_text("beside")
    lines = [
        {"file_name": "b.png", "text": "from the table", "license": "CC0-1.0"},
        {"file_name": "deep/c.png", "caption": "from above", "artist": "somebody"},
        {"file_name": "deep/d.png", "caption": "from above"},
    ]
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    (tmp_path / "deep" / "metadata.jsonl").write_text(json.dumps({"file_name": "c.png", "caption": "near"}))
    fields = {picture.name: picture.fields for picture in find_pictures([tmp_path])}
    assert fields == {
        "a.png": {"caption": "beside"},
        "b.png": {"caption": "from the table", "licence": "CC0-1.0"},
        "deep/c.png": {"caption": "near", "artist": "somebody"},
        "deep/d.png": {"caption": "from above"},
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2 is not JSON"),
        ('{"caption": "x"}', "file_name"),
        ('{"file_name": "a.png", "colour": "red"}', "'colour'"),
        ('{"file_name": "a.png", "caption": ["x"]}', "must be text"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_number(tmp_path: Path, line: str, said: str) -> None:
    _make(tmp_path, "a.png")
    (tmp_path / "captions.jsonl").write_text("\n" + line)
    with pytest.raises(InvalidInput, match=said) as raised:
        find_pictures([tmp_path])
    assert "captions.jsonl line 2" in raised.value.message


def test_nothing_to_send_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no pictures"):
        find_pictures([tmp_path])
    with pytest.raises(InvalidInput, match="there is no"):
        find_pictures([tmp_path / "gone"])


def _pictures(*sizes: int) -> list[Picture]:
    return [Picture(Path(f"{index}.png"), f"{index}.png", size) for index, size in enumerate(sizes)]


def test_batches_keep_order_and_limits_and_a_giant_goes_alone() -> None:
    sizes = [1] * 120 + [BATCH_BYTES // 2, BATCH_BYTES // 2, BATCH_BYTES * 3, 1]
    batches = list(cut(_pictures(*sizes)))
    assert [picture for batch in batches for picture in batch] == _pictures(*sizes)
    assert [len(batch) for batch in batches] == [50, 50, 21, 1, 1, 1]
    assert all(len(batch) == 1 or sum(p.size_bytes for p in batch) <= BATCH_BYTES for batch in batches)


def test_a_form_tells_shared_fields_once_and_single_ones_in_lines() -> None:
    pictures = [Picture(Path("in/a.png"), "in/a.png", 1, {"caption": "ü"}), Picture(Path("b.png"), "b.png", 1)]
    form = form_of(pictures, {"collection": "c"})
    assert form.fields == {"collection": "c"}
    assert [json.loads(line) for line in form.metadata.split("\n")] == [{"file_name": "a.png", "caption": "ü"}]
    assert [part.name for part in form.files] == ["a.png", "b.png"]
