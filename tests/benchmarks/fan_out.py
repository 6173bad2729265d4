"""How fast a snapshot reaches three nodes, against `scp` to one after another.

    python -m tests.benchmarks.fan_out --megabytes 500

Three OpenSSH servers on loopback, each with a host key of its own, stand for three nodes. The ways
take turns, so that whatever else the machine does hits all of them, and the median counts. Ours
include what `scp` leaves out: the sha256 on each node, and the sync. The object that nodes fetch
comes from a plain HTTP server, because moto holds objects in memory and serves them slowly. While
we send, a second event loop, which stands for the screen's, measures how late its timers are.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import hashlib
import http.server
import multiprocessing
import os
import random
import shutil
import socket
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from recovery.inventory.model import Cluster
from recovery.restore.delivering import Deliverer, Supply
from recovery.restore.plan import Carried, Delivery
from recovery.ssh.elsewhere import NOWHERE, Elsewhere, LinkedObject
from recovery.ssh.fleet import Fleet
from tests.ssh.local_files import lying_here
from tests.ssh.servers import Account, OpenSshServer, openssh_server

MEGABYTE = 1_000_000
NODES = ("etcd-1", "etcd-2", "etcd-3")
_OBJECT = (
    b'{"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"team-7","managedFields":'
    b'[{"manager":"kube-controller-manager","operation":"Update","fieldsType":"FieldsV1"}]},'
    b'"spec":{"containers":[{"name":"main","imagePullPolicy":"IfNotPresent","resources":{}}]}}'
)


@dataclass
class Course:
    """The file, the servers, and where each node's copy goes."""

    file: Path
    sha256: str
    account: Account
    servers: list[OpenSshServer]
    places: list[Path]
    fleet: Fleet
    link: str
    late: list[float] = field(default_factory=list)
    """Seconds by which timers of the screen's loop were late."""

    async def scp(self) -> None:
        """What an engineer does."""
        trust = f"UserKnownHostsFile={self.account.known_hosts}"
        for server, place in zip(self.servers, self.places, strict=True):
            options = ("-q", "-F", "none", "-i", str(self.account.identity), "-o", trust)
            target = f"{getpass.getuser()}@{server.host}:{place}/snapshot.db"
            copying = await asyncio.create_subprocess_exec(
                "scp", *options, "-P", str(server.port), str(self.file), target
            )
            assert await copying.wait() == 0

    async def push(self) -> None:
        """All nodes at once, from this machine."""
        await self._deliver(NOWHERE)

    async def pull(self) -> None:
        """All nodes at once, each by itself."""

        async def make_link() -> str:
            return self.link

        await self._deliver(Elsewhere((), {}, LinkedObject("http server", make_link)))

    async def _deliver(self, elsewhere: Elsewhere) -> None:
        deliverer = Deliverer(self.fleet, Supply(lying_here(self.file), elsewhere))
        size = self.file.stat().st_size
        said: list[str] = []
        watching = asyncio.ensure_future(self._watch())
        await asyncio.gather(
            *(
                deliverer.deliver(
                    self.fleet.session(name),
                    Delivery(Carried.SNAPSHOT, f"{place}/snapshot.db", self.sha256, size),
                    lambda _, lines: said.extend(lines),
                    lambda *_: None,
                )
                for name, place in zip(NODES, self.places, strict=True)
            )
        )
        watching.cancel()
        fell_back = [line for line in said if "cannot fetch" in line or "there already" in line]
        assert not fell_back, fell_back

    async def _watch(self) -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.01)
            self.late.append(time.perf_counter() - begun - 0.01)

    def clear(self) -> None:
        """No node has the file."""
        for place in self.places:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
        self.late.clear()


class _Objects(http.server.SimpleHTTPRequestHandler):
    def copyfile(self, source: object, outputfile: object) -> None:
        self.connection.sendfile(source)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _serve(directory: str, port: int) -> None:
    os.chdir(directory)
    http.server.ThreadingHTTPServer(("127.0.0.1", port), _Objects).serve_forever()


def make_file(path: Path, megabytes: int, *, packed: bool) -> None:
    """Like objects of Kubernetes, which zstd makes about five times smaller; or pure chance."""
    chance = random.Random(megabytes)
    with path.open("wb") as file:
        while file.tell() < megabytes * MEGABYTE:
            if packed:
                file.write(chance.randbytes(MEGABYTE))
                continue
            texts = chance.randbytes(72 * 2000).hex().encode()
            pieces = (_OBJECT + texts[n * 144 : n * 144 + 144] for n in range(2000))
            file.write(b"".join(pieces))


async def measure(directory: Path, megabytes: int, times: int, *, packed: bool) -> None:
    """Let the ways take turns, and print the medians."""
    file = directory / "snapshot.db"
    await asyncio.to_thread(make_file, file, megabytes, packed=packed)
    account = Account(directory)
    account.write()
    async with AsyncExitStack() as stack:
        sftp = "Subsystem sftp internal-sftp"
        servers = [await stack.enter_async_context(openssh_server(account, sftp)) for _ in NODES]
        for server in servers:
            account.trust(server)
        nodes = [
            account.node(server, name, user=getpass.getuser())
            for server, name in zip(servers, NODES, strict=True)
        ]
        fleet = await stack.enter_async_context(Fleet(Cluster("course", tuple(nodes))))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        objects = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(str(directory), port), daemon=True
        )
        objects.start()
        stack.callback(objects.terminate)
        with file.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        places = [directory / name for name in NODES]
        link = f"http://127.0.0.1:{port}/snapshot.db"
        course = Course(file, sha256, account, servers, places, fleet, link)
        ways = {"scp": course.scp, "push": course.push, "pull": course.pull}
        await _take_turns(course, ways, times, packed=packed)


async def _take_turns(
    course: Course, ways: Mapping[str, Callable[[], Awaitable[None]]], times: int, *, packed: bool
) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    late: list[float] = []
    for _ in range(times):
        for name, way in ways.items():
            course.clear()
            begun = time.perf_counter()
            await way()
            seconds[name].append(time.perf_counter() - begun)
            if name == "push":
                late += course.late
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    late.sort()
    what = "chance" if packed else "objects"
    print(f"{course.file.stat().st_size / MEGABYTE:.0f} MB of {what}, {times} rounds")  # noqa: T201
    for name, each in seconds.items():
        spread = " ".join(f"{one:.1f}" for one in each)
        times_as_fast = medians["scp"] / medians[name]
        print(f"  {name:5} {medians[name]:6.2f} s  {times_as_fast:5.2f}x   ({spread})")  # noqa: T201
    p95, worst = late[int(len(late) * 0.95)] * 1000, late[-1] * 1000
    print(f"  while pushing, keys waited p95 {p95:.0f} ms, at most {worst:.0f} ms")  # noqa: T201


def main() -> None:
    """Make, measure, print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=int, default=500)
    arguments.add_argument("--times", type=int, default=5)
    arguments.add_argument("--directory", type=Path, default=None, help="/dev/shm where it is")
    given = arguments.parse_args()
    memory = Path("/dev/shm")
    directory = given.directory or (memory if memory.is_dir() else Path(tempfile.gettempdir()))
    os.environ.pop("SSH_AUTH_SOCK", None)
    for packed in (False, True):
        with tempfile.TemporaryDirectory(dir=directory, prefix="fan-out-") as made:
            os.environ["HOME"] = made
            asyncio.run(measure(Path(made), given.megabytes, given.times, packed=packed))


if __name__ == "__main__":
    main()
