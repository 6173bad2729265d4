"""How fast a snapshot is read, as ratios to etcd's own tool in the same run.

    python -m tests.benchmarks.snapshot_reading --megabytes 100 500

Makes the snapshots with real etcd (they are kept in --directory, so that a second run is quick),
reads each a few times with a warm cache, and prints the best of each. Not collected as a test.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from recovery.snapshots.reader.answer import read_database
from recovery.snapshots.verify import reader_command
from tests.snapshots.lone_etcd import LoneEtcd, programs

MEGABYTE = 1_000_000
NAMESPACES = 40
RESOURCES = (
    ("pods", 6000),
    ("pods", 6000),
    ("replicasets", 3500),
    ("events", 1000),
    ("events", 1000),
    ("configmaps", 3000),
    ("secrets", 3000),
    ("apps.example.com/widgets", 2000),
    ("leases", 400),
)
"""Resources by how often they are written, and the size of the larger ones."""


@dataclass(frozen=True)
class Measured:
    """One way to read: the best time, and the most memory beside the mapped file.

    Memory is that of the process and its children together.
    """

    seconds: float
    memory: int


def kubernetes_like(number: int, megabytes: int) -> list[tuple[str, bytes]]:
    """The hundred writes with this number, for a file of about `megabytes`; half are updates."""
    words = _words(megabytes)
    luck = random.Random(number)
    pairs: dict[str, bytes] = {}
    while len(pairs) < 100:
        resource, size = luck.choice(RESOURCES)
        name = luck.randrange(megabytes * 25)
        key = f"/registry/{resource}/team-{name % NAMESPACES}/object-{name:08}-x7k2p"
        length = luck.randrange(size // 4, size)
        text = "k8s\0" + "".join(luck.choices(words, k=length // 80 + 1))[:length]
        pairs[key] = text.encode()
    return list(pairs.items())


@cache
def _words(megabytes: int) -> list[str]:
    chance = random.Random(megabytes)
    return [chance.randbytes(40).hex() for _ in range(500)]


def make_snapshot(path: Path, megabytes: int) -> None:
    """A Kubernetes-like keyspace whose file has about that size."""
    with tempfile.TemporaryDirectory(dir=path.parent) as directory:  # noqa: SIM117
        with LoneEtcd(Path(directory)) as etcd, ThreadPoolExecutor(3) as threads:

            def put(number: int) -> None:
                etcd.put_many(list(kubernetes_like(number, megabytes)))

            number = 0
            while etcd.database.stat().st_size < megabytes * MEGABYTE * 0.97:
                for _ in threads.map(put, range(number, number + 60)):
                    pass
                number += 60
            etcd.save(path)


def measure(command: list[str | Path], times: int) -> Measured:
    """Run it that often, one after the other."""
    best, most = float("inf"), 0
    for _ in range(times):
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            most = max(most, _anonymous(process.pid))
            time.sleep(0.005)
        best = min(best, time.perf_counter() - begun)
        assert process.returncode == 0, command
    return Measured(best, most)


def _anonymous(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    own = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)
    return own + sum(_anonymous(int(child)) for child in children)


def main() -> None:
    """Make, measure, print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=int, nargs="+", default=[100, 500])
    arguments.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    arguments.add_argument("--times", type=int, default=5)
    given = arguments.parse_args()
    head = f"{'file':>10} {'live keys':>10} {'etcdutl':>9} {'reader':>9} {'ratio':>6}"
    print(f"{head} {'brief':>9} {'ratio':>6} {'memory':>8} {'a key':>7}")  # noqa: T201
    for megabytes in given.megabytes:
        path = given.directory / f"etcd-rescue-benchmark-{megabytes}.db"
        if not path.exists():
            make_snapshot(path, megabytes)
        live = read_database(str(path))["contents"]["liveKeys"]
        python: list[str | Path] = [*reader_command()]
        theirs = measure([programs() / "etcdutl", "snapshot", "status", path], given.times)
        ours = measure([*python, path], given.times)
        brief = measure([*python, "--brief", path], given.times)
        print(  # noqa: T201
            f"{path.stat().st_size / MEGABYTE:7.0f} MB {live:10} {theirs.seconds:7.2f} s "
            f"{ours.seconds:7.2f} s {ours.seconds / theirs.seconds:6.2f} {brief.seconds:7.2f} s "
            f"{brief.seconds / theirs.seconds:6.2f} {ours.memory / MEGABYTE:5.0f} MB "
            f"{max(0, ours.memory - 30 * MEGABYTE) / max(1, live):5.0f} B"
        )


if __name__ == "__main__":
    main()
