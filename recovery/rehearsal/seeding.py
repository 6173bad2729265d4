"""Makes the data of the rehearsal: one scratch etcd is filled, and snapshots of it are taken."""

from __future__ import annotations

import asyncio
import base64
import http.client
import itertools
import json
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.cluster.facts import Version
from recovery.errors import RehearsalError
from recovery.rehearsal.addresses import free_port
from recovery.rehearsal.etcd_binaries import EtcdBinaries
from recovery.rehearsal.node.processes import start_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from recovery.rehearsal.kubernetes_keys import Pair

_BATCH = 100
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ScratchEtcd:
    """A single member without TLS that holds the data while it is made."""

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
            connection.request("POST", "/v3/kv/txn", json.dumps({"success": operations}))
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise RehearsalError("seeding failed", where=self.url, detail=body.decode())
        connection.close()

    def wait(self) -> None:
        """Return when it answers; RehearsalError where it does not."""
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                self._put([("/registry/health", b"ok")])
                return
            except (OSError, RehearsalError) as error:
                if time.monotonic() > deadline:
                    raise RehearsalError(
                        "etcd did not start", where=str(self.binaries.etcd), detail=str(error)
                    ) from error
                time.sleep(0.05)


@asynccontextmanager
async def scratch_etcd(
    binaries: EtcdBinaries, address: str, directory: Path, environment: Mapping[str, str]
) -> AsyncIterator[ScratchEtcd]:
    """Start a scratch etcd; it is killed at the end, its files stay."""
    port, peer = free_port(address), free_port(address)
    client_url, peer_url = f"http://{address}:{port}", f"http://{address}:{peer}"
    command = [
        str(binaries.etcd),
        *("--name", "scratch", "--data-dir", str(directory / "data")),
        *("--listen-client-urls", client_url, "--advertise-client-urls", client_url),
        *("--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url),
        *("--initial-cluster", f"scratch={peer_url}"),
    ]
    if binaries.version >= Version(3, 5, 0):
        command.append("--unsafe-no-fsync")
    process = await start_process(command, environment, directory / "scratch.log")
    try:
        scratch = ScratchEtcd(binaries, address, port, environment)
        await asyncio.to_thread(scratch.wait)
        yield scratch
    finally:
        process.kill()
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
