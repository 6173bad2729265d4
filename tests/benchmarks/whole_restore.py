"""The whole restore, timed: the platform's documented procedure, then etcd-rescue.

    python -m tests.benchmarks.whole_restore --megabytes 500 --rounds 1

One rehearsal cluster is filled, and one backup of it lies on its nodes, as the platform leaves it.
For each way in turn the cluster is broken in the same way, and restored; what the way before left
behind is removed first. The documented procedure is a script without pauses (see
`documented_restore`), so nobody reads, types, or thinks: an engineer takes far longer.

Both are timed by the same eyes: a poller that asks every API server for /readyz from outside. Its
readiness needs a linearizable read from the node's own member, so it tells of etcd as well.

All SSH servers are OpenSSH's, as the rehearsal's own are written in Python. The snapshots that
etcd-rescue keeps on the bastion are removed before each round: it fetches the backup anew.

- total: from the first command until every API server is ready.
- without API: from the moment the first kubelet is told to stop until every API server is ready.

What a rehearsal cannot show: its network is the loopback, and its three nodes share one disk, one
page cache and few cores, so what all nodes do at once gains less than on three machines. What etcd
itself needs to start is part of both times: with kubeadm's initial corruption check members that
start together wait for each other's answers, about 7 s a try with etcd 3.5.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from recovery.inventory.model import Cluster, Node
from recovery.rehearsal.breaking import Breakage
from recovery.rehearsal.node.etcd_gateway import EtcdGateway
from tests.benchmarks.api_poller import ApiPoller
from tests.benchmarks.documented_restore import DocumentedRestore
from tests.benchmarks.openssh_nodes import openssh_nodes
from tests.benchmarks.snapshot_reading import MEGABYTE, kubernetes_like
from tests.cluster_fixtures import RunningRehearsal, clean_environment, running_rehearsal
from tests.snapshots.lone_etcd import CLEAN, programs
from tests.ssh.servers import Account, OpenSshServer

_READY_SECONDS = 300
_BREAK_SECONDS = 60
_RESTORE_SECONDS = 900
_DOCUMENTED, _OURS = "documented", "etcd-rescue"


@dataclass(frozen=True)
class Timed:
    """One restore, in seconds."""

    total: float
    """From the first command until every API server is ready."""
    without_api: float
    """From the first kubelet's stop until every API server is ready."""
    nobody_listened: float
    """While no API server listened at all; a stale one that goes on serving counts as one."""
    to_the_end: float
    """From the first command to the end of the last."""
    pieces: dict[str, float]


class Bench:
    """The cluster that is restored again and again."""

    def __init__(self, rehearsal: RunningRehearsal, home: Path, way: Breakage) -> None:
        self._rehearsal = rehearsal
        self._cluster: Cluster = rehearsal.cluster
        self._home = home
        self._way = way
        self._first = self._cluster.control_plane[0]
        self._rounds = 0
        self.backup = Path()
        self._keys = 0

    def fill(self, megabytes: int) -> None:
        """Write Kubernetes-like keys into etcd, and leave one backup on every node."""
        gateway = _gateway(self._first)
        database = Path(self._first.paths.data_dir) / "member/snap/db"

        def put(number: int) -> None:
            puts = [
                {"requestPut": {"key": _base64(key.encode()), "value": _base64(value)}}
                for key, value in kubernetes_like(number, megabytes)
            ]
            gateway.call("/v3/kv/txn", {"success": puts}, 60)

        number = 0
        with ThreadPoolExecutor(4) as threads:
            while database.stat().st_size < megabytes * MEGABYTE * 0.97:
                for _ in threads.map(put, range(number, number + 40)):
                    pass
                number += 40
        self._keys = self._count(self._first)
        self._save()

    def _save(self) -> None:
        name = f"snapshot-etcd-{datetime.now(UTC):%Y%m%d-%H%M%S}-{self._first.host}.tar"
        pki = Path(self._first.paths.pki)
        with tempfile.TemporaryDirectory(dir=self._home) as directory:
            saved = Path(directory) / "snapshot.db"
            subprocess.run(
                [
                    *(programs() / "etcdctl", "--endpoints", f"https://{self._first.host}:2379"),
                    *("--cacert", pki / "ca.crt", "--cert", pki / "server.crt"),
                    *("--key", pki / "server.key", "snapshot", "save", saved),
                ],
                env=CLEAN,
                check=True,
                capture_output=True,
                timeout=300,
            )
            for node in self._cluster.control_plane:
                path = Path(str(node.paths.backups)) / name
                path.touch(mode=0o600)
                with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
                    archive.add(saved, "snapshot.db")
        self.backup = Path(str(self._first.paths.backups)) / name

    async def documented(self, account: Account, copies: OpenSshServer) -> Timed:
        """Break the cluster, and do as the document says."""
        restore = DocumentedRestore(
            self._cluster.control_plane, self._cluster.workers, account, copies
        )
        self._rounds += 1
        stamp = f"{datetime.now(UTC):%Y%m%d%H}-{self._rounds}"

        def run() -> tuple[float, dict[str, float]]:
            restore.run(self.backup, stamp)
            return restore.stopped_at, restore.seconds

        return await asyncio.to_thread(self._timed, run)

    async def ours(self) -> Timed:
        """Break the cluster, and let etcd-rescue restore it."""
        return await asyncio.to_thread(self._timed, self._restore)

    def _timed(self, run: Callable[[], tuple[float, dict[str, float]]]) -> Timed:
        authority = Path(self._first.paths.kubernetes) / "pki/ca.crt"
        addresses = {node.name: node.host for node in self._cluster.control_plane}
        poller = ApiPoller(addresses, authority)
        self._remove_leftovers()
        with poller.polling():
            poller.wait_until(ready=True, seconds=_READY_SECONDS)
            self._rehearsal.break_it(self._way)
            if self._way is not Breakage.NONE:
                poller.wait_until(ready=False, seconds=_BREAK_SECONDS)
            begun = time.monotonic()
            stopped, pieces = run()
            ended = time.monotonic()
            poller.wait_until(ready=True, seconds=_READY_SECONDS)
            ready = poller.ready_again(stopped)
            nobody = poller.nobody_listened(stopped, ready)
        counts = {self._count(node) for node in self._cluster.control_plane}
        assert counts == {self._keys}, f"{counts} keys instead of {self._keys}"
        return Timed(ready - begun, ready - stopped, nobody, ended - begun, pieces)

    def _restore(self) -> tuple[float, dict[str, float]]:
        words = ["restore", self.backup.name, "--confirm", self._cluster.name, "--events", "json"]
        if self._way is Breakage.NONE:
            words += ["--quorum-is-alive", "--acknowledge-warnings"]
        inventory = str(self._rehearsal.inventory_path)
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "tui.command_line", "--inventory", inventory, *words],
            env={**clean_environment(), "HOME": str(self._home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        stopped, last = 0.0, begun
        before = "preflight"
        pieces: dict[str, float] = {}
        said = []
        for line in process.stderr:
            said.append(line)
            event = json.loads(line) if line.startswith("{") else {}
            kind, now = event.get("event"), time.monotonic()
            if kind == "action-started" and event["action"] != before:
                pieces[before] = pieces.get(before, 0.0) + now - last
                before, last = event["action"], now
                if before == "stop-kubelet":
                    stopped = now
        pieces[before] = time.monotonic() - last
        assert process.wait(_RESTORE_SECONDS) == 0, "".join(said[-40:])
        return stopped, pieces

    def _remove_leftovers(self) -> None:
        """What the way before has kept, so that each way finds the same disk."""
        for node in self._cluster.control_plane:
            home = Path(node.paths.work).parent
            data = Path(node.paths.data_dir)
            kept = [*home.glob("backup_*"), *home.glob("etcd_*"), home / "tmp"]
            kept += [*data.glob(".etcd-rescue-*"), *data.parent.glob(".etcd-rescue-*")]
            for path in kept:
                shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(self._home / ".cache", ignore_errors=True)
        subprocess.run(["sync"], check=True)

    def _count(self, node: Node) -> int:
        range_of_all = {"key": _base64(b"/registry/"), "range_end": _base64(b"/registry0")}
        asked = {**range_of_all, "count_only": True, "serializable": True}
        return int(cast("str", _gateway(node).call("/v3/kv/range", asked, 30)["count"]))


def _gateway(node: Node) -> EtcdGateway:
    pki = Path(node.paths.pki)
    files = (str(pki / name) for name in ("ca.crt", "server.crt", "server.key"))
    return EtcdGateway(f"https://{node.host}:2379", *files)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def measure(megabytes: int, rounds: int, way: Breakage) -> None:
    """Let the two take turns, and print what came of it."""
    seconds: dict[str, list[Timed]] = {_DOCUMENTED: [], _OURS: []}
    with (
        tempfile.TemporaryDirectory(prefix="whole-restore-") as home,
        running_rehearsal(Breakage.NONE) as rehearsal,
    ):
        account = Account(Path(home))
        account.write()
        async with openssh_nodes(rehearsal, account) as copies:
            bench = Bench(rehearsal, Path(home), way)
            await asyncio.to_thread(bench.fill, megabytes)
            size = bench.backup.stat().st_size / MEGABYTE
            _say(f"a backup of {size:.0f} MB, {rounds} rounds, {os.cpu_count()} cores, {way.value}")
            for _ in range(rounds):
                seconds[_DOCUMENTED].append(await bench.documented(account, copies))
                _say_one(_DOCUMENTED, seconds[_DOCUMENTED][-1])
                seconds[_OURS].append(await bench.ours())
                _say_one(_OURS, seconds[_OURS][-1])
    _say_ratios(seconds)


def _say_one(name: str, timed: Timed) -> None:
    load = os.getloadavg()[0]
    down = f"without API {timed.without_api:.1f} s"
    _say(f"{name}: total {timed.total:.1f} s, {down} (load {load:.0f})")
    for piece, took in timed.pieces.items():
        _say(f"    {piece:28} {took:6.1f} s")


def _say_ratios(seconds: dict[str, list[Timed]]) -> None:
    measures = ("total", "without_api", "nobody_listened", "to_the_end")
    for measure_name in measures:
        theirs, ours = (
            statistics.median(getattr(timed, measure_name) for timed in seconds[way])
            for way in (_DOCUMENTED, _OURS)
        )
        what = measure_name.replace("_", " ")
        _say(f"{what:16} {theirs:7.1f} s  {ours:7.1f} s  ratio {ours / max(theirs, 0.01):.2f}")
    _say("wanted: total at most 0.50, without api at most 0.20")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main() -> None:
    """Make, break, restore, print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--megabytes", type=int, default=500)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument(
        "--broken",
        choices=(Breakage.QUORUM_LOST.value, Breakage.NONE.value),
        default=Breakage.QUORUM_LOST.value,
        help="`healthy`: the API is there until the restore takes it away",
    )
    given = arguments.parse_args()
    os.environ.pop("SSH_AUTH_SOCK", None)
    asyncio.run(measure(given.megabytes, given.rounds, Breakage(given.broken)))


if __name__ == "__main__":
    main()
