"""Makes the data of the rehearsal: founds the cluster, fills it, and takes snapshots of it."""

from __future__ import annotations

import asyncio
import base64
import http
import http.client
import itertools
import json
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.cluster.facts import Version
from recovery.errors import RehearsalError
from recovery.rehearsal.addresses import free_port
from recovery.rehearsal.etcd_binaries import EtcdBinaries
from recovery.rehearsal.node.layout import NodeLayout
from recovery.rehearsal.node.processes import start_process
from recovery.rehearsal.waiting import wait_for_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from recovery.rehearsal.kubernetes_keys import Pair

_BATCH = 100
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ScratchEtcd:
    """A member while the cluster is filled: it serves clients without TLS."""

    binaries: EtcdBinaries
    address: str
    port: int
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.address}:{self.port}"

    async def put(self, pairs: Iterable[Pair]) -> None:
        """Write the pairs, a hundred in a transaction."""
        await asyncio.to_thread(self._put, list(pairs))

    async def save(self, path: Path) -> None:
        """Take a snapshot through the API, so that it ends in its hash."""
        await run_tool(
            [self.binaries.etcdctl, "--endpoints", self.url, "snapshot", "save", path],
            self.environment,
        )

    def _put(self, pairs: list[Pair]) -> None:
        connection = http.client.HTTPConnection(self.address, self.port, timeout=_SECONDS)
        for batch in _batches(pairs):
            operations = [
                {"requestPut": {"key": _b64(key.encode()), "value": _b64(value)}}
                for key, value in batch
            ]
            self._ask(connection, "kv/txn", {"success": operations})
        connection.close()

    def _ask(
        self, connection: http.client.HTTPConnection, path: str, asked: dict[str, object]
    ) -> None:
        """Ask until it is done: on a busy machine members may look for another leader."""
        deadline = time.monotonic() + _SECONDS
        while True:
            connection.request("POST", f"/v3/{path}", json.dumps(asked))
            response = connection.getresponse()
            body = response.read()
            if response.status == http.HTTPStatus.OK:
                return
            if time.monotonic() > deadline:
                raise RehearsalError("seeding failed", where=self.url, detail=body.decode())
            time.sleep(0.1)

    async def settle(self) -> None:
        """Return when all that was written is on this member's disk.

        A linearizable read waits until it has applied everything; a snapshot commits that first.
        """
        await asyncio.to_thread(self._settle)

    def _settle(self) -> None:
        connection = http.client.HTTPConnection(self.address, self.port, timeout=_SECONDS)
        self._ask(connection, "kv/range", {"key": _b64(b"/")})
        self._ask(connection, "maintenance/snapshot", {})
        connection.close()

    async def wait(self) -> None:
        """Return when it answers; RehearsalError where it does not."""
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                await self.put([("/registry/health", b"ok")])
                return
            except (OSError, RehearsalError) as error:
                if time.monotonic() > deadline:
                    raise RehearsalError(
                        "etcd did not start", where=str(self.binaries.etcd), detail=str(error)
                    ) from error
                await asyncio.sleep(0.05)


@asynccontextmanager
async def scratch_etcd(
    binaries: EtcdBinaries,
    layouts: Sequence[NodeLayout],
    directory: Path,
    environment: Mapping[str, str],
) -> AsyncIterator[ScratchEtcd]:
    """Found the cluster in the members' own data directories, to be filled; ended at the end.

    The members know each other by their real names and URLs, so every snapshot has them inside.
    Only clients are served on ports of the moment and without TLS.
    """
    # One after another: a member that is founded asks all others whether it was there before, and
    # waits a second for each whose port is open and does not answer yet.
    initial = ",".join(f"{layout.name}={_peer_url(layout)}" for layout in layouts)
    async with AsyncExitStack() as ending:
        members = []
        processes: list[asyncio.subprocess.Process] = []
        ending.push_async_callback(_end, processes)
        for layout in layouts:
            port, metrics = free_port(layout.address), free_port(layout.address)
            command = _founding_command(binaries, layout, port, metrics, initial)
            log = directory / f"{layout.name}.log"
            processes.append(await start_process(command, environment, log))
            await wait_for_port(layout, metrics, "etcd")
            members.append(ScratchEtcd(binaries, layout.address, port, environment))
        for member in members:
            await member.wait()
        yield members[0]
        await asyncio.gather(*(member.settle() for member in members))


def _founding_command(
    binaries: EtcdBinaries, layout: NodeLayout, port: int, metrics: int, initial: str
) -> list[str]:
    pki = layout.pki / "etcd"
    command = [
        str(binaries.etcd),
        *("--name", layout.name, "--data-dir", str(layout.data_dir)),
        *("--listen-client-urls", f"http://{layout.address}:{port}"),
        *("--advertise-client-urls", f"https://{layout.address}:2379"),
        *("--listen-metrics-urls", f"http://{layout.address}:{metrics}"),
        *("--listen-peer-urls", _peer_url(layout)),
        *("--initial-advertise-peer-urls", _peer_url(layout)),
        *("--initial-cluster", initial),
        *("--peer-cert-file", str(pki / "peer.crt"), "--peer-key-file", str(pki / "peer.key")),
        *("--peer-trusted-ca-file", str(pki / "ca.crt"), "--peer-client-cert-auth"),
        *("--heartbeat-interval", "50", "--election-timeout", "500"),
    ]
    if binaries.version >= Version(3, 5, 0):
        command.append("--unsafe-no-fsync")
    return command


def _peer_url(layout: NodeLayout) -> str:
    return f"https://{layout.address}:2380"


async def _end(processes: Sequence[asyncio.subprocess.Process]) -> None:
    """Killed, as a leader that is told to end looks for another for seconds. `settle` comes first:
    etcd 3.5.0 to 3.5.2 that are killed can lose their last write, and the members would differ.
    """
    for process in processes:
        if process.returncode is None:
            process.kill()
    for process in processes:
        await process.wait()


async def run_tool(command: Iterable[str | Path], environment: Mapping[str, str]) -> None:
    """Run one of etcd's tools to its end; RehearsalError with its output where it fails."""
    words = [str(word) for word in command]
    ran = await asyncio.to_thread(
        subprocess.run,
        words,
        env={**environment, "ETCDCTL_API": "3"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if ran.returncode != 0:
        raise RehearsalError(
            f"{Path(words[0]).name} ended with status {ran.returncode}",
            where=words[0],
            detail=ran.stdout + ran.stderr,
        )


def _batches(pairs: list[Pair]) -> Iterator[list[Pair]]:
    """Batches in which no key stands twice, as etcd demands of a transaction."""
    source = iter(pairs)
    while batch := list(itertools.islice(source, _BATCH)):
        unique = dict(batch)
        if len(unique) == len(batch):
            yield batch
        else:
            yield from ([pair] for pair in batch)


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()
