"""How long `etcd-rescue` takes to its first paint, against an empty Textual app.

    python -m tests.benchmarks.start_up [--runs N] [--at-most RATIO]

Both run in a pseudo-terminal of 80x24, one after the other in turns, so that a busy machine slows
both alike. The empty app shows one word; the first paint of etcd-rescue says what is being opened,
and its home screen, on an inventory with three nodes that do not answer, follows. Medians count.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 60.0
SIZE = (24, 80)

_EMPTY = """
from textual.app import App
from textual.widgets import Static

class Empty(App):
    def compose(self):
        yield Static("ready")

Empty().run()
"""

_INVENTORY = """
clusters:
  - name: first-paint
    controlPlane:
      - {name: etcd-1, host: 127.0.0.1, ssh: {port: 9}}
      - {name: etcd-2, host: 127.0.0.2, ssh: {port: 9}}
      - {name: etcd-3, host: 127.0.0.3, ssh: {port: 9}}
"""


def seconds_until(words: bytes, command: Sequence[str], home: Path) -> tuple[float, float]:
    """Wall and CPU seconds from the start of a program until it has written these words."""
    began = time.monotonic()
    child, terminal = pty.fork()
    if not child:
        environment = {**os.environ, "HOME": str(home), "TERM": "xterm-256color"}
        for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "ETCD_RESCUE_INVENTORY", "SSH_AUTH_SOCK"):
            environment.pop(name, None)
        os.execvpe(command[0], list(command), environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    seen = b""
    try:
        while words not in seen:
            ready, _, _ = select.select([terminal], [], [], PATIENCE)
            if not ready:
                raise TimeoutError(f"{words!r} was never seen; written was {seen[-500:]!r}")
            seen += os.read(terminal, 1 << 16)
        return time.monotonic() - began, _cpu_seconds(child)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def measure(runs: int) -> dict[str, list[tuple[float, float]]]:
    """One measurement a run of the empty app, our first paint, and our home screen."""
    measured: dict[str, list[tuple[float, float]]] = {"empty": [], "first paint": [], "home": []}
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        inventory = home / "inventory.yaml"
        inventory.write_text(_INVENTORY)
        program = [sys.executable, "-m", "tui.command_line", "--inventory", str(inventory)]
        empty = [sys.executable, "-c", _EMPTY]
        for number in range(runs + 1):
            one = {
                "empty": seconds_until(b"ready", empty, home),
                "first paint": seconds_until(b"OPENING", program, home),
                "home": seconds_until(b"SNAPSHOTS", program, home),
            }
            if number:  # The first of each warms the disk's cache.
                for what, took in one.items():
                    measured[what].append(took)
    return measured


def main(arguments: Sequence[str] | None = None) -> int:
    """Print medians and their ratios."""
    parser = argparse.ArgumentParser(description="first paint against an empty Textual app")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--at-most", type=float, help="exit 1 where the CPU's ratio is larger")
    given = parser.parse_args(arguments)
    measured = measure(given.runs)
    ratio = 0.0
    for index, kind in ((0, "wall"), (1, "CPU")):
        medians = {
            what: statistics.median(each[index] for each in all_runs)
            for what, all_runs in measured.items()
        }
        ratio = medians["first paint"] / medians["empty"]
        for what, median in medians.items():
            share = median / medians["empty"]
            sys.stdout.write(f"{kind:<5}{what:<12}{median * 1000:6.0f} ms  ratio {share:.2f}\n")
    return int(given.at_most is not None and ratio > given.at_most)


def _cpu_seconds(process: int) -> float:
    """What a process has used so far (proc(5), stat: utime and stime)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
