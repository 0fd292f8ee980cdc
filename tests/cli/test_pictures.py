"""Pictures in a terminal, each terminal's own way, and never in the way."""

from __future__ import annotations

import base64
import io
import re

import pytest
from PIL import Image

from impasto.cli.pictures import drawn, show_bytes, terminal_way


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "foot-extra"}, "sixel"),
        ({"TERM": "xterm-256color"}, "blocks"),
        ({"TERM_PROGRAM": "iTerm.app", "TMUX": "/tmp/x"}, "blocks"),
        ({}, "blocks"),
    ],
)
def test_the_way_follows_from_the_terminal(environment: dict[str, str], way: str) -> None:
    assert terminal_way(environment) == way


def test_blocks_hold_two_pixels_to_a_character() -> None:
    picture = Image.new("RGB", (4, 4), "red")
    picture.paste("blue", (0, 2, 4, 4))
    lines = drawn(picture, "blocks").split("\n")
    assert len(lines) == 2
    assert lines[0].count("\x1b[38;2;255;0;0;48;2;255;0;0m▀") == 4
    assert all(line.endswith("\x1b[0m") for line in lines)


@pytest.mark.parametrize("size", [(3000, 20), (20, 3000), (1, 1), (801, 399)])
def test_no_picture_is_larger_than_a_postcard(size: tuple[int, int]) -> None:
    lines = drawn(Image.new("RGB", size, "teal"), "blocks").split("\n")
    assert len(lines) <= 14
    assert all(line.count("▀") <= 40 for line in lines)


def test_kitty_gets_the_picture_in_marked_pieces() -> None:
    noise = Image.effect_noise((320, 220), 80).convert("RGB")
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", drawn(noise, "kitty"))
    assert len(pieces) > 1
    assert pieces[0][0] == "a=T,f=100,m=1"
    assert [head for head, _ in pieces[1:]] == ["m=1"] * (len(pieces) - 2) + ["m=0"]
    assert all(len(data) <= 4096 for _, data in pieces)
    sent = Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in pieces))))
    assert sent.size[0] <= 320


def test_iterm_gets_a_png() -> None:
    data = drawn(Image.new("RGB", (8, 8)), "iterm").split(":", 1)[1].removesuffix("\x07")
    assert base64.b64decode(data).startswith(b"\x89PNG")


def test_sixel_draws_every_column_of_every_band() -> None:
    text = drawn(Image.new("RGB", (5, 8), "white"), "sixel")
    assert text.startswith('\x1bPq"1;1;5;8')
    assert text.endswith("\x1b\\")
    bands = re.sub(r"#\d+;2;\d+;\d+;\d+", "", text.split("8", 1)[1]).split("-")
    assert re.fullmatch(r"#\d+~{5}\$", bands[0])
    assert re.fullmatch(r"#\d+B{5}\$", bands[1]), "the last two rows of eight"


def test_nothing_is_read_or_drawn_where_stdout_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    def read() -> bytes:
        raise AssertionError("must not be called")

    show_bytes(read)
    assert capsys.readouterr().out == ""


def test_what_is_no_picture_is_simply_not_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    show_bytes(lambda: b"not a picture")
    assert capsys.readouterr().out == ""
