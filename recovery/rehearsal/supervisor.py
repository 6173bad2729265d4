"""The process that holds a rehearsal cluster: `python -m recovery.rehearsal.supervisor`.

It prints one JSON line for every phase and one when the cluster is up, and tears everything down
when its standard input closes or a signal asks it to: so it cannot outlive whoever started it.
A line `break WAY` on its standard input breaks the cluster once more, and is answered by a line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from recovery.errors import RehearsalError, RescueError
from recovery.rehearsal.breaking import Breakage
from recovery.rehearsal.cluster import RehearsalCluster
from recovery.rehearsal.etcd_binaries import find_etcd
from recovery.rehearsal.node.etcd_gateway import GatewayError
from recovery.rehearsal.node.processes import MARKER, kill_marked

PID_FILE = "supervisor.pid"


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; 0 where the cluster was up, 1 where it could not be made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", required=True, type=Path)
    parser.add_argument("--etcd-dir", type=Path)
    parser.add_argument("--broken", default=Breakage.QUORUM_LOST.value)
    parsed = parser.parse_args(arguments)
    os.environ.pop(MARKER, None)
    return asyncio.run(_supervise(parsed.dir, parsed.etcd_dir, Breakage(parsed.broken)))


async def _supervise(directory: Path, etcd_dir: Path | None, way: Breakage) -> int:
    told_to_stop = asyncio.Event()
    told: asyncio.Queue[str] = asyncio.Queue()
    _listen(told_to_stop, told)
    (directory / PID_FILE).write_text(str(os.getpid()))
    cluster: RehearsalCluster | None = None
    try:
        cluster = RehearsalCluster(directory, find_etcd(etcd_dir))
        starting = asyncio.create_task(cluster.start(way, lambda what: _say({"phase": what})))
        ending = asyncio.create_task(told_to_stop.wait())
        await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return 1
        starting.result()
        _say({"ready": str(cluster.inventory_path), "timings": cluster.timings})
        obeying = asyncio.create_task(_obey(cluster, told))
        await asyncio.wait({ending, obeying}, return_when=asyncio.FIRST_COMPLETED)
        obeying.cancel()
        await asyncio.gather(obeying, return_exceptions=True)
        return 0
    except RescueError as error:
        return _failed(error)
    except ExceptionGroup as group:
        first = group.exceptions[0]
        if not isinstance(first, RescueError):
            raise
        return _failed(first)
    finally:
        if cluster is not None:
            await cluster.stop()
        kill_marked(directory)
        shutil.rmtree(directory, ignore_errors=True)


def _failed(error: RescueError) -> int:
    _say(
        {
            "error": error.what,
            "where": error.where,
            "remedy": error.remedy,
            "detail": error.detail,
        }
    )
    return 1


async def _obey(cluster: RehearsalCluster, told: asyncio.Queue[str]) -> None:
    while True:
        verb, _, way = (await told.get()).partition(" ")
        try:
            if verb != "break":
                raise RehearsalError(f"there is no {verb}", where="the supervisor")
            await cluster.break_it(Breakage(way))
        except (RescueError, GatewayError, ValueError) as error:
            _say({"refused": str(error)})
        else:
            _say({"broken": way})


def _listen(told_to_stop: asyncio.Event, told: asyncio.Queue[str]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, told_to_stop.set)

    def read() -> None:
        # Whoever tells this something writes a line at once, so none comes in pieces.
        text = os.read(sys.stdin.fileno(), 4096).decode(errors="replace")
        for line in text.splitlines():
            told.put_nowait(line)
        if not text:
            loop.remove_reader(sys.stdin.fileno())
            told_to_stop.set()

    loop.add_reader(sys.stdin.fileno(), read)


def _say(words: dict[str, object]) -> None:
    try:
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever started this is gone; the closed standard input says so too.
        return


if __name__ == "__main__":
    sys.exit(main())
