"""Server-sent events come whole out of pieces."""

from __future__ import annotations

import pytest

from impasto.client.event_stream import EventStream, Message

_STREAM = ': hello\n\nid: 7\nevent: job.started\ndata: {"a":\ndata: "\u2028ü"}\n\ndata:x\n\nevent: nothing\n\n'
_EVENTS = [Message("job.started", '{"a":\n"\u2028ü"}', "7"), Message("message", "x", "")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_the_same_wherever_the_bytes_are_cut(end: str, size: int) -> None:
    data = _STREAM.replace("\n", end).encode() + b": end\n"
    stream = EventStream()
    found = [message for start in range(0, len(data), size) for message in stream.feed(data[start : start + size])]
    assert found == _EVENTS


def test_an_id_belongs_to_its_own_event_only() -> None:
    found = list(EventStream().feed(b"id: 3\ndata: a\n\ndata: b\n\n"))
    assert [message.id for message in found] == ["3", ""]


def test_an_event_without_its_end_is_not_told() -> None:
    assert list(EventStream().feed(b"data: half")) == []
