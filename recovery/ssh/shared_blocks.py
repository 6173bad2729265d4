"""A file that is sent to several nodes at once: read once, compressed once, in bounded memory."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK = 2**20
"""Bytes of the file in one block; also the unit in which a broken transfer is taken up again."""

KEPT_BLOCKS = 16
"""So far the slowest node may stay behind before the file is read once more for it."""

AHEAD = 3
"""How many blocks are made ready before anybody asks, on several processors where there are."""

PAYS = 0.75
"""What compression must leave at most; above it the nodes only lose time over it."""

_SAMPLES = 8


Bring = Callable[[], Coroutine[Any, Any, Path]]
"""Gives a file's place on this machine; may have to fetch it first. Raises RescueError."""


@dataclass(frozen=True, slots=True)
class LargeFile:
    """A file for several nodes, which need not be on this machine before one of them asks."""

    size: int
    """In bytes."""
    bring: Bring
    at_hand: bool = True
    """Whether it is on this machine already, so that bringing it takes no time."""


class SharedBlocks:
    """The blocks of a file for whoever asks: nodes that go side by side share each of them.

    Neither waits for the other, and no more than `KEPT_BLOCKS` of either form are kept: for a node
    that stays behind further the file is read again. An instance belongs to one event loop.
    Every method raises OSError where the file cannot be read, and what bringing it here raises.
    """

    def __init__(self, file: LargeFile) -> None:
        self.size = file.size
        """Bytes of the file."""
        self.reads = 0
        """How many blocks were read so far."""
        self.at_hand = file.at_hand
        """Whether nobody has to wait for the file."""
        self._bring = file.bring
        self._bringing: asyncio.Future[Path] | None = None
        self._plain = _Window(self._read)
        self._packed = _Window(self._pack)
        self._prefixes: dict[int, str] = {}
        self._paying: asyncio.Task[bool] | None = None

    @property
    def count(self) -> int:
        """How many blocks there are; the last may be shorter."""
        return -(-self.size // BLOCK)

    async def here(self) -> Path:
        """The file on this machine, which is brought here once, however many nodes need it."""
        bringing = self._bringing
        if bringing is None or (bringing.done() and _in_vain(bringing)):
            self._bringing = bringing = asyncio.ensure_future(self._bring())
        path = await asyncio.shield(bringing)
        self.at_hand = True
        return path

    async def block(self, index: int, *, packed: bool) -> bytes:
        """One block, or its zstd frame; the next ones are made ready meanwhile.

        The frames of all blocks, one behind the other, are one zstd stream.
        """
        window = self._packed if packed else self._plain
        content = await window.get(index)
        for ahead in range(index + 1, min(index + 1 + AHEAD, self.count)):
            window.prepare(ahead)
        return content

    async def prefix_sha256(self, blocks: int) -> str:
        """The sha256 (hex) of the first blocks."""
        if blocks not in self._prefixes:
            path = await self.here()
            self._prefixes[blocks] = await asyncio.to_thread(_prefix_sha256, path, blocks)
        return self._prefixes[blocks]

    async def compression_pays(self) -> bool:
        """Whether zstd makes the file enough smaller, told from samples all over it."""
        if self._paying is None:
            self._paying = asyncio.ensure_future(self._weigh())
        return await asyncio.shield(self._paying)

    async def _weigh(self) -> bool:
        step = max(1, self.count // _SAMPLES)
        plain = packed = 0
        path = await self.here()
        for index in range(0, self.count, step):
            content = await asyncio.to_thread(_read, path, index)
            plain += len(content)
            packed += len(await asyncio.to_thread(_compressed, content))
        return packed < plain * PAYS

    async def _read(self, index: int) -> bytes:
        path = await self.here()
        self.reads += 1
        return await asyncio.to_thread(_read, path, index)

    async def _pack(self, index: int) -> bytes:
        return await asyncio.to_thread(_compressed, await self._plain.get(index))


class _Window:
    """The blocks that were asked for last, each made once however many ask for it."""

    def __init__(self, make: Callable[[int], Awaitable[bytes]]) -> None:
        self._make = make
        self._blocks: OrderedDict[int, asyncio.Future[bytes]] = OrderedDict()

    async def get(self, index: int) -> bytes:
        # Shielded: a node that goes away must not take the block from the others.
        return await asyncio.shield(self.prepare(index))

    def prepare(self, index: int) -> asyncio.Future[bytes]:
        made = self._blocks.pop(index, None)
        if made is None or (made.done() and _in_vain(made)):
            made = asyncio.ensure_future(self._make(index))
        self._blocks[index] = made
        while len(self._blocks) > KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return made


def _in_vain(made: asyncio.Future[Any]) -> bool:
    return made.cancelled() or made.exception() is not None


def _read(path: Path, index: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        content = b""
        while len(content) < BLOCK:
            more = os.pread(file.fileno(), BLOCK - len(content), index * BLOCK + len(content))
            if not more:
                break
            content = content + more if content else more
        return content


def _compressed(content: bytes) -> bytes:
    import zstandard

    # One compressor a call: none may be used by two threads at once.
    packed: bytes = zstandard.ZstdCompressor(level=1).compress(content)
    return packed


def _prefix_sha256(path: Path, blocks: int) -> str:
    digest = hashlib.sha256()
    for index in range(blocks):
        digest.update(_read(path, index))
    return digest.hexdigest()
