"""Server-sent events from bytes, piece by piece (WHATWG HTML, section 9.2.6), whatever the pieces' borders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

# Only these end a line. `str.splitlines` would also cut at U+2028, which JSON may hold.
_LINE_END: Final = re.compile(rb"\r\n|\n|\r(?!\Z)")


@dataclass(frozen=True, slots=True)
class Message:
    """One event; `id` is empty unless this very event carried one."""

    event: str
    data: str
    id: str


@dataclass(slots=True)
class EventStream:
    """Give it bytes as they come; it gives back the events that became whole. Comments vanish."""

    # Of the last block that had one, even if it had no event.
    last_id: str = ""
    _rest: bytes = b""
    _fields: dict[str, list[str]] = field(default_factory=dict)

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The events that end in this chunk."""
        *lines, self._rest = _LINE_END.split(self._rest + chunk)
        for raw in lines:
            line = raw.decode("utf-8", errors="replace")
            if not line:
                yield from self._finish()
            elif not line.startswith(":"):
                name, _, value = line.partition(":")
                self._fields.setdefault(name, []).append(value.removeprefix(" "))

    def _finish(self) -> Iterator[Message]:
        fields, self._fields = self._fields, {}
        self.last_id = fields.get("id", [self.last_id])[-1]
        if "data" in fields:
            event = fields.get("event", ["message"])[-1]
            yield Message(event, "\n".join(fields["data"]), fields.get("id", [""])[-1])
