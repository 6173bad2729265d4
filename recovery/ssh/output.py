"""What a script writes: delivered line by line to whoever watches, kept in bounded memory."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Sequence

from recovery.ssh.plain_text import LineAssembler
from recovery.ssh.turns import turns

KEPT_BYTES = 8 * 2**20
"""Of stdout: the first half of this from its beginning, the other half from its end."""

KEPT_ERROR_BYTES = 2**20
"""Of stderr, likewise; it is read by people only."""


class OutputStream(enum.Enum):
    """Which of its two streams a script wrote to."""

    OUT = "stdout"
    ERR = "stderr"


OutputSink = Callable[[OutputStream, Sequence[str]], None]
"""Called with whole lines, free of control sequences. Runs on the event loop: it must be quick."""


class Kept:
    """The beginning and the end of a stream."""

    def __init__(self, limit: int = KEPT_ERROR_BYTES) -> None:
        self._head_room = limit // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._tail_room = limit - limit // 2
        self._dropped = 0

    @property
    def truncated(self) -> bool:
        """Whether something in the middle is missing."""
        return self._dropped > 0

    def add(self, chunk: bytes) -> None:
        """Take the next chunk."""
        room = self._head_room - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        if not chunk:
            return
        self._tail.append(chunk)
        self._tail_size += len(chunk)
        while self._tail_size - len(self._tail[0]) >= self._tail_room:
            dropped = len(self._tail.popleft())
            self._tail_size -= dropped
            self._dropped += dropped

    def text(self) -> str:
        """Everything kept, as text, with a note where something is missing."""
        head = bytes(self._head)
        tail = b"".join(self._tail)
        if not self._dropped:
            return (head + tail).decode("utf-8", "backslashreplace")
        note = f"\n… [{self._dropped} bytes left out]\n".encode()
        return (head + note + tail).decode("utf-8", "backslashreplace")


class StreamReceiver:
    """Receives the chunks of one stream: keeps them, and hands lines to the sink."""

    def __init__(self, stream: OutputStream, sink: OutputSink | None) -> None:
        self.kept = Kept(KEPT_BYTES if stream is OutputStream.OUT else KEPT_ERROR_BYTES)
        self._stream = stream
        self._sink = sink
        self._lines = LineAssembler()

    def feed(self, chunk: bytes) -> None:
        """Take the next chunk."""
        self.kept.add(chunk)
        if self._sink is not None:
            self._deliver(self._lines.feed(chunk))

    async def take(self, chunk: bytes) -> None:
        """The same in turns with all else that the loop has to do, where somebody watches."""
        if self._sink is None:
            self.feed(chunk)
        else:
            await turns().take(chunk, self.feed)

    def finish(self) -> None:
        """Hand over the last line, where it had no newline."""
        if self._sink is not None:
            self._deliver(self._lines.finish())

    def _deliver(self, lines: list[str]) -> None:
        if lines and self._sink is not None:
            self._sink(self._stream, lines)
