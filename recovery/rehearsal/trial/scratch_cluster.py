"""Three scratch members on this machine, restored from one file and started as one cluster.

They speak plain HTTP over Unix sockets in the trial's private directory: no port is taken, and
nobody else on this machine can read the cluster's secrets meanwhile.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recovery.cluster.etcd_client import MemberClient, connected_by_socket
from recovery.cluster.facts import Version
from recovery.errors import DiskError, EtcdError
from recovery.rehearsal.trial import scratch_process
from recovery.rehearsal.trial.programs import TrialPrograms
from recovery.rehearsal.trial.scratch_directory import MEMBERS, ScratchDirectory

AUTHENTICATION_IS_ON = "user name is empty"
"""What etcd says to a read without a login: after it has made sure of a majority."""

_MAJORITY = MEMBERS // 2 + 1
_LOWEST_QUOTA = 8 << 30
_SLOWEST = 8 << 20
"""Bytes a second that any disk is expected to manage."""
_PATIENCE = 60.0
"""Seconds beside the time that the database's size may take."""
_ONE_READ = 2.0
_PAUSE = 0.05
_PROBE = b"etcd-rescue/trial"

Restored = Callable[[int, int], None]
"""Called with bytes written and bytes in all."""


@dataclass
class ScratchMember:
    """One member: its place in the trial's directory, and what became of it."""

    name: str
    directory: ScratchDirectory
    process: Process | None = None
    restored: bool = False
    answers: bool = False
    trouble: str = ""
    """Why it was not restored, or does not serve, in one line; empty where it does."""
    log: str = ""
    """The last lines of the program that failed."""
    seconds: float = 0.0
    """From the start of its process until it answered a read."""

    @property
    def data_dir(self) -> Path:
        """Its data directory."""
        return self.directory.path / f"{self.name}.etcd"

    @property
    def database(self) -> Path:
        """Its database file."""
        return self.data_dir / "member/snap/db"

    @property
    def output(self) -> Path:
        """What its programs print."""
        return self.directory.path / f"{self.name}.log"

    @property
    def client_url(self) -> str:
        """Where it listens for clients: a socket of that name in the trial's directory."""
        return f"unix://{self.name}:2379"

    @property
    def peer_url(self) -> str:
        """Where it listens for the other members."""
        return f"unix://{self.name}:2380"

    @property
    def client_socket(self) -> str:
        """The path of its clients' socket."""
        return self.directory.reach(f"{self.name}:2379")

    @property
    def peer_socket(self) -> str:
        """The path of its peers' socket."""
        return self.directory.reach(f"{self.name}:2380")

    def connected(self) -> AbstractAsyncContextManager[MemberClient]:
        """A client to it."""
        return connected_by_socket(self.name, self.client_socket)

    def failed(self, what: str) -> None:
        """Note that a program of it failed; its log tells why."""
        self.log = scratch_process.last_words(self.output)
        said = scratch_process.gravest_word(self.log)
        self.trouble = f"{what}: {said}" if said else what


@dataclass
class ScratchCluster:
    """The members, and what they are made of."""

    programs: TrialPrograms
    directory: ScratchDirectory
    database: Path
    size: int
    """Of the database file, in bytes."""
    has_hash: bool
    """Whether the file ends in its sha256, which the restore then compares."""
    members: tuple[ScratchMember, ...] = field(init=False)
    token: str = field(default_factory=lambda: f"etcd-rescue-trial-{secrets.token_hex(8)}")

    def __post_init__(self) -> None:
        self.members = tuple(
            ScratchMember(f"scratch-{number}", self.directory) for number in range(1, MEMBERS + 1)
        )

    @property
    def patience(self) -> float:
        """Seconds after which a restore or a start is given up."""
        return _PATIENCE + MEMBERS * self.size / _SLOWEST

    async def restore(self, progress: Restored | None = None) -> None:
        """Restore all members at once, each with the same file, flags and token.

        What fails is in the members. Raises DiskError where the disk became full.
        """
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch(progress))
            async with asyncio.TaskGroup() as restoring:
                for member in self.members:
                    restoring.create_task(self._restore(member))
            watching.cancel()
        if any("no space left on device" in member.log.lower() for member in self.members):
            raise DiskError(
                "this machine's disk became full while the snapshot was restored",
                where=str(self.directory.path),
                remedy="make room there, or set XDG_CACHE_HOME to a directory on a larger disk",
            )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All members run; they are ended with the block."""
        processes: list[Process] = []
        try:
            for member in self.members:
                command = self._serve_command(member)
                member.process = await scratch_process.start(
                    command, self.directory.path, member.output
                )
                processes.append(member.process)
            yield
        finally:
            await scratch_process.end(processes)

    async def wait_until_serving(self) -> None:
        """Return when every member has answered a linearizable read, or it is clear that one will
        not; what went wrong is in the members."""
        waiting = [asyncio.ensure_future(self._wait(member)) for member in self.members]
        try:
            await asyncio.gather(*waiting)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _restore(self, member: ScratchMember) -> None:
        process = await scratch_process.start(
            self._restore_command(member), self.directory.path, member.output
        )
        try:
            async with asyncio.timeout(self.patience):
                status = await process.wait()
        except TimeoutError:
            member.failed(f"the restore did not end within {self.patience:.0f} s")
            return
        finally:
            await scratch_process.end([process])
        member.restored = status == 0 and member.database.is_file()
        if not member.restored:
            member.failed(f"{self.programs.restorer.name} ended with status {status}")

    async def _watch(self, progress: Restored | None) -> None:
        """Tell how much the restores have written; they themselves tell nothing."""
        total = MEMBERS * self.size
        while progress is not None:
            progress(min(sum(map(_size_of, self.members)), total), total)
            await asyncio.sleep(0.2)

    async def _wait(self, member: ScratchMember) -> None:
        began = time.monotonic()
        async with member.connected() as client:
            while not member.answers:
                said = await _try_a_read(client)
                if said is None:
                    member.answers = True
                    member.seconds = time.monotonic() - began
                elif member.process is None or member.process.returncode is not None:
                    status = member.process.returncode if member.process else None
                    member.failed(f"its etcd ended with status {status}")
                    return
                elif self._alive() < _MAJORITY:
                    member.failed("there is no majority: the other members have ended")
                    return
                elif time.monotonic() - began > self.patience:
                    member.failed(f"no answer to a read within {self.patience:.0f} s ({said})")
                    return
                else:
                    await asyncio.sleep(_PAUSE)

    def _alive(self) -> int:
        processes = (member.process for member in self.members)
        return sum(one is not None and one.returncode is None for one in processes)

    def _restore_command(self, member: ScratchMember) -> list[str]:
        return [
            str(self.programs.restorer),
            *("snapshot", "restore", str(self.database.absolute())),
            *("--name", member.name, "--data-dir", member.data_dir.name),
            *("--initial-cluster", self._initial_cluster),
            *("--initial-cluster-token", self.token),
            *("--initial-advertise-peer-urls", member.peer_url),
            *(() if self.has_hash else ("--skip-hash-check",)),
        ]

    def _serve_command(self, member: ScratchMember) -> list[str]:
        # Data that lives for seconds need not reach the disk.
        careless = self.programs.version >= Version(3, 5, 0)
        return [
            str(self.programs.etcd),
            *("--name", member.name, "--data-dir", member.data_dir.name),
            *("--listen-client-urls", member.client_url),
            *("--advertise-client-urls", member.client_url),
            *("--listen-peer-urls", member.peer_url),
            *("--initial-advertise-peer-urls", member.peer_url),
            *("--initial-cluster", self._initial_cluster),
            *("--initial-cluster-token", self.token),
            *("--initial-cluster-state", "existing"),
            *("--quota-backend-bytes", str(max(_LOWEST_QUOTA, 2 * self.size))),
            *("--heartbeat-interval", "200", "--election-timeout", "2000"),
            *("--logger", "zap", "--log-outputs", "stderr"),
            *(("--unsafe-no-fsync",) if careless else ()),
        ]

    @property
    def _initial_cluster(self) -> str:
        return ",".join(f"{member.name}={member.peer_url}" for member in self.members)


async def _try_a_read(client: MemberClient) -> str | None:
    """None where a linearizable read went through; otherwise why it did not."""
    try:
        await client.read(_PROBE, timeout=_ONE_READ)
    except EtcdError as error:
        return None if AUTHENTICATION_IS_ON in error.detail else error.what
    return None


def _size_of(member: ScratchMember) -> int:
    try:
        return member.database.stat().st_size
    except OSError:
        return 0
