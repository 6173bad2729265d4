"""A large file on its way to one node: over several tries, by whatever way is the shortest.

In this order: it is there already; a copy that lies on the node is taken; the node fetches it by a
link; it is sent from here, from where an earlier try broke off. Whatever the way, the node
compares the sha256 before the file gets its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from recovery.errors import NodeUnreachableError, RescueError, ScriptError, TransferError
from recovery.ssh import partial_scripts as scripts
from recovery.ssh.elsewhere import Elsewhere, LinkedObject
from recovery.ssh.output import Kept
from recovery.ssh.plain_text import plain_text
from recovery.ssh.receiving import not_received
from recovery.ssh.running_script import RunningScript, keep
from recovery.ssh.session import ByteProgress, NodeSession
from recovery.ssh.shared_blocks import BLOCK, SharedBlocks

SLOWEST_CHECK = 10 * 2**20
"""Bytes a second that a node must at least manage when it writes to disk and takes a checksum."""

MOST_PULLS = 2
"""How often a node may begin to fetch the file itself."""

Note = Callable[[str], None]
"""Called with a line about what happens on a node."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the file goes on a node, and what it must be."""

    path: str
    sha256: str
    """Of the whole file, hex."""
    mode: int = 0o600


@dataclass(frozen=True, slots=True)
class _State:
    """What a node has of the file, and what it could fetch more with."""

    whole: bool = False
    blocks: int = 0
    sha256: str = ""
    """Of these blocks."""
    programs: frozenset[str] = frozenset()

    @property
    def puller(self) -> str | None:
        return next((each for each in scripts.PULLERS if each in self.programs), None)


class Arrival:
    """What was tried already is not tried again, however often the connection is lost."""

    def __init__(
        self,
        session: NodeSession,
        target: Target,
        blocks: SharedBlocks,
        elsewhere: Elsewhere,
        note: Note,
        progress: ByteProgress,
        stall_timeout: float,
    ) -> None:
        self.session = session
        self.target = target
        self.blocks = blocks
        self.note = note
        self.progress = progress
        self._stall_timeout = stall_timeout
        self._wrappings = elsewhere.wrappings
        self._copies = list(elsewhere.on_nodes.get(session.node.name, ()))
        self._linked = elsewhere.linked
        self._pulls = 0
        self._may_pack = True

    async def attempt(self) -> None:
        """One try; NodeUnreachableError where the connection was lost in the middle."""
        number = self.session.connection_number
        try:
            await self._by_the_shortest_way(number)
        except (TransferError, ScriptError) as error:
            if self.session.disturbed_since(number):
                raise NodeUnreachableError(error.what, where=error.where) from error
            raise

    async def _by_the_shortest_way(self, number: int) -> None:
        state = await self._state()
        while not state.whole and self._copies:
            if await self._copied(self._copies[0], number):
                return
            self._copies.pop(0)
            state = await self._state()
        if not state.whole and state.blocks * 2 <= self.blocks.count and self._linked is not None:
            if await self._pulled(self._linked, state, number):
                return
            state = await self._state()
        if not state.whole:
            await self._send(state, number)
            return
        self.note(f"it is there already, sha256 {self.target.sha256}")
        self.progress(self.blocks.size, self.blocks.size)

    async def _state(self) -> _State:
        target = self.target
        script = scripts.state_script(target.path, target.sha256, self.blocks.size, BLOCK)
        return _state(await self.session.check(script, timeout=self._patience))

    async def _copied(self, source: str, number: int) -> bool:
        verb = "unpack" if self._wrappings else "copy"
        self.note(f"$ {verb} {source} to {self.target.path}")
        try:
            script = scripts.copy_script(
                *self._what, self.target.mode, source=source, wrappings=self._wrappings
            )
            await self._fill(script, b"")
        except (TransferError, ValueError) as error:
            self._give_up_unless_lost(error, number)
            self.note(f"that copy does not give the file: {_why(error)}")
            return False
        return self._arrived()

    async def _pulled(self, linked: LinkedObject, state: _State, number: int) -> bool:
        puller = state.puller
        if puller is None or self._pulls >= MOST_PULLS:
            return False
        self._pulls += 1
        self.note(f"$ fetch {linked.name} to {self.target.path}, with {puller}")
        try:
            script = scripts.pull_script(
                *self._what,
                self.target.mode,
                puller=puller,
                wrappings=self._wrappings,
                verify_tls=linked.verify_tls,
            )
            link = await linked.make_link()
            await self._fill(script, scripts.link_input(puller, link), secret=link)
        except (RescueError, ValueError) as error:
            if isinstance(error, NodeUnreachableError):
                raise
            self._give_up_unless_lost(error, number)
            self._pulls = MOST_PULLS
            self.note(f"the node cannot fetch it itself, so it is sent: {_why(error)}")
            return False
        return self._arrived()

    async def _send(self, state: _State, number: int) -> None:
        if not self.blocks.at_hand:
            self.note("no copy on this node gives the file: it is fetched to the bastion first")
        await self.blocks.here()
        start = await self._start(state)
        zstd = "zstd" in state.programs and self._may_pack and await self.blocks.compression_pays()
        how = ", compressed on the way" if zstd else ""
        self.note(f"$ send snapshot.db to {self.target.path}{how}")
        if start:
            self.note(f"{start * BLOCK} of {self.blocks.size} bytes are there already")
        script = scripts.append_script(
            *self._what, self.target.mode, start=start * BLOCK, zstd=zstd
        )
        try:
            async with self._running(script) as run:
                await self._feed(run, start, zstd)
        except TransferError as error:
            if not zstd or self.session.disturbed_since(number) or _no_room(error):
                raise
            self._may_pack = False
            self.note(f"compressed it does not arrive, so it is sent as it is: {error.what}")
            await self._send(await self._state(), number)
            return
        self._arrived()

    async def _start(self, state: _State) -> int:
        """The first block to send; what the node has must be the file's own beginning."""
        if not 0 < state.blocks <= self.blocks.count:
            return 0
        if await self.blocks.prefix_sha256(state.blocks) == state.sha256:
            return state.blocks
        self.note("what is there is not the beginning of this file: it is sent anew")
        return 0

    async def _feed(self, run: RunningScript, start: int, zstd: bool) -> None:
        for index in range(start, self.blocks.count):
            block = await self.blocks.block(index, packed=zstd)
            async with asyncio.timeout(self._stall_timeout):
                await run.send(block)
            if run.ended:
                break
            self.progress(min((index + 1) * BLOCK, self.blocks.size), self.blocks.size)
        run.send_end()
        async with asyncio.timeout(self._patience):
            await run.until_end()

    async def _fill(self, script: str, stdin: bytes, secret: str = "") -> None:
        """Run a script that makes the file by itself and tells how far it is."""
        async with self._running(script, secret) as run:
            await run.send(stdin)
            run.send_end()
            most = 0
            clock = asyncio.get_running_loop().time
            moved_at = clock()
            async for line in _lines(run.stdout(), self._patience):
                done = int(line) if line.isdigit() else 0
                if done > most:
                    most, moved_at = done, clock()
                    self.progress(min(done, self.blocks.size), self.blocks.size)
                elif clock() - moved_at > self._patience:
                    raise TimeoutError
            async with asyncio.timeout(self._stall_timeout):
                await run.wait()

    @asynccontextmanager
    async def _running(self, script: str, secret: str = "") -> AsyncIterator[RunningScript]:
        """A script under way that must end well; TransferError otherwise."""
        errors = Kept()
        try:
            async with self.session.running(script) as run, keep(run.stderr(), errors):
                yield run
        except TimeoutError:
            raise TransferError(
                f"{self.target.path}: nothing moved for {self._stall_timeout:g} s",
                where=self.session.node.name,
                remedy="check the connection and the node's disk, then try again",
            ) from None
        self.session.require_begun(run, errors)
        if run.exit_status != 0:
            said = plain_text(_without(errors.text(), secret))
            error = not_received(self.session.node.name, self.target.path, run.exit_status, said)
            if _no_room(error):
                # What is kept could not be used, and the node needs its room.
                await self.session.check(scripts.discard_script(self.target.path))
            raise error

    def _arrived(self) -> bool:
        self.note(f"arrived whole, sha256 {self.target.sha256}")
        self.progress(self.blocks.size, self.blocks.size)
        return True

    def _give_up_unless_lost(self, error: Exception, number: int) -> None:
        if self.session.disturbed_since(number) or (
            isinstance(error, TransferError) and _no_room(error)
        ):
            raise error

    @property
    def _what(self) -> tuple[str, str, int]:
        return self.target.path, self.target.sha256.lower(), self.blocks.size

    @property
    def _patience(self) -> float:
        return self._stall_timeout + self.blocks.size / SLOWEST_CHECK


def _state(said: str) -> _State:
    blocks, sha256, programs = 0, "", set()
    for line in said.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == scripts.WHOLE:
            return _State(whole=True)
        if kind == scripts.KEPT:
            number, _, sha256 = rest.partition(" ")
            blocks = int(number) if number.isdigit() else 0
        elif kind == scripts.HAS:
            programs.add(rest)
    return _State(False, blocks, sha256, frozenset(programs))


async def _lines(chunks: AsyncIterator[bytes], patience: float) -> AsyncIterator[str]:
    """Whole lines; TimeoutError where none comes for that many seconds."""
    rest = b""
    while True:
        async with asyncio.timeout(patience):
            chunk = await anext(chunks, b"")
        if not chunk:
            return
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode("ascii", "replace").strip()


def _no_room(error: TransferError) -> bool:
    return "disk is full" in error.what


def _without(text: str, secret: str) -> str:
    """Text of a program that knows the secret; nothing at all where it tells a part of it."""
    signature = secret.partition("?")[2]
    return "" if signature and (signature in text or "Signature" in text) else text


def _why(error: Exception) -> str:
    """The last words of the node, or of ours."""
    if not isinstance(error, RescueError):
        return str(error)
    said = [line.strip() for line in error.detail.splitlines() if line.strip()]
    # What unwraps complains, too, when nothing comes; whoever should have brought it knows why.
    causes = [line for line in said if not line.startswith(("tar: ", "gzip: ", "zstd: "))]
    return (causes or said or [error.what])[-1]
