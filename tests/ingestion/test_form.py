"""The form reader: whatever the blocks it comes in, the same form; whatever is wrong, one clear error."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.errors import InvalidInput
from impasto_ingestion import limits
from impasto_ingestion.form import Form, FormReader, boundary_of

B = b"frontier"


def part(name: str, data: bytes, file_name: str | None = None) -> bytes:
    named = f'; filename="{file_name}"'.encode() if file_name is not None else b""
    head = b'Content-Disposition: form-data; name="' + name.encode() + b'"' + named
    return b"--" + B + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n"


END = b"--" + B + b"--\r\n"


def read(body: bytes, folder: Path, block: int = 1 << 20) -> Form:
    reader = FormReader(B, folder)
    try:
        for start in range(0, len(body), block):
            reader.take(body[start : start + block])
        return reader.finish()
    finally:
        reader.close()


@given(data=st.binary(max_size=300), block=st.integers(1, 64))
@settings(max_examples=60, deadline=None)
def test_a_file_arrives_whole_in_blocks_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, block: int
) -> None:
    folder = tmp_path_factory.mktemp("form")
    data += b"\r\n--front\r\n--frontie"
    form = read(part("caption", b"red") + part("files", data, "a.png") + END, folder, block)
    assert form.fields == {"caption": "red"}
    assert form.files[0].path.read_bytes() == data
    assert form.files[0].sha256 == hashlib.sha256(data).hexdigest()
    assert form.files[0].size_bytes == len(data)


def test_fields_after_files_and_files_of_the_same_name_are_fine(tmp_path: Path) -> None:
    body = part("files", b"1", "x.png") + part("files", b"2", "x.png") + part("title", b"T\r\nU") + END
    form = read(body, tmp_path)
    assert [file.path.read_bytes() for file in form.files] == [b"1", b"2"]
    assert form.fields == {"title": "T\nU"}


def test_file_names_are_cleaned(tmp_path: Path) -> None:
    body = part("files", b"1", "../../etc/pass\u0008wd") + part("files", b"2", "C:\\temp\\h\u0065\u0301.png") + END
    assert [file.name for file in read(body, tmp_path).files] == ["passwd", "h\u00e9.png"]
    assert {path.name for path in tmp_path.iterdir()} == {"1.sent", "2.sent"}


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "value_invalid", "body"),
        (b"no multipart at all", "value_invalid", "body"),
        (part("files", b"data", "a.png"), "value_invalid", "body"),
        (part("files", b"data", "a.png")[:60], "value_invalid", "body"),
        (b"--" + B + b"\r\n\r\nno headers\r\n" + END, "value_invalid", "body"),
        (b"--" + B + b"\r\nContent-Type: text/plain\r\n\r\nno name\r\n" + END, "value_invalid", "body"),
        (b"--" + B + b"\r\nContent-Disposition: attachment; name=files\r\n\r\nx\r\n" + END, "value_invalid", "body"),
        (b"--" + B + b"\r\n" + b"X-A: 1\r\n" * 50 + b"\r\nx\r\n" + END, "value_invalid", "body"),
        (b"--" + B + b"\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\nx\r\n" + END, "value_invalid", "body"),
        (b"--" + B + b"\r\nbad header\r\n\r\nx\r\n" + END, "value_invalid", "body"),
        (END, "field_missing", "files"),
        (part("caption", b"only words") + END, "field_missing", "files"),
        (part("files", b"", "") + END, "field_missing", "files"),
        (part("caption", b"1") + part("caption", b"2") + END, "value_invalid", "caption"),
        (part("caption", b"\xff\xfe") + END, "value_invalid", "caption"),
        (part("nonsense", b"1") + END, "field_unknown", None),
        (part("caption", b"x" * 16_001) + END, "form_limits", "caption"),
        (part("metadata", b"x" * ((2 << 20) + 1)) + END, "form_limits", "metadata"),
        (part("files", b"x", "a") * 101 + END, "form_limits", "files"),
        (part("files", b"", "") * 1001 + END, "form_limits", "body"),
    ],
)
def test_a_bad_form_is_one_clear_error(body: bytes, code: str, field: str | None, tmp_path: Path) -> None:
    for block in (7, 1 << 20) if len(body) < 10_000 else (1 << 20,):
        folder = tmp_path / str(block)
        folder.mkdir()
        with pytest.raises(InvalidInput) as caught:
            read(body, folder, block)
        assert caught.value.code == code
        assert caught.value.data.get("field") == field


def test_a_file_that_is_too_large_is_counted_but_not_kept(tmp_path: Path) -> None:
    reader = FormReader(B, tmp_path)
    reader.take(part("files", b"", "large.png")[:-2])
    block = bytes(1 << 20)
    for _ in range(70):
        reader.take(block)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= limits.MOST_FILE_BYTES
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 0
    reader.take(b"\r\n" + part("files", b"small", "small.png") + END)
    form = reader.finish()
    assert [(file.too_large, file.size_bytes) for file in form.files] == [(True, 70 << 20), (False, 5)]
    assert [path.name for path in tmp_path.iterdir()] == ["2.sent"]


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "multipart/form-data",
        "multipart/mixed; boundary=x",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 71}",
    ],
)
def test_another_content_type_or_no_boundary_is_refused(content_type: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        boundary_of(content_type)
    assert caught.value.code == "content_type_unsupported"
