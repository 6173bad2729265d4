"""A rehearsal cluster for tests: in a process of its own, so event loops do not matter.

`with running_rehearsal() as rehearsal:` in a fixture of any scope; the tests of an engine that
changes the cluster want one of their own, those that only look share one of their module.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import pytest

from recovery.inventory.load import load_inventory
from recovery.inventory.model import Cluster, Node
from recovery.rehearsal.breaking import Breakage
from recovery.rehearsal.node.processes import MARKER, kill_marked

CHECKOUT = Path(__file__).parents[1]
NAME_PREFIX = "etcd-rescue-test-"
_START_SECONDS = 60
_STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class RunningRehearsal:
    """A rehearsal cluster in the supervisor's process."""

    directory: Path
    inventory_path: Path
    supervisor: subprocess.Popen[str]
    timings: Mapping[str, float] = field(default_factory=dict)

    def break_it(self, way: Breakage) -> None:
        """Break it, once more, in this way."""
        assert self.supervisor.stdin is not None and self.supervisor.stdout is not None
        self.supervisor.stdin.write(f"break {way.value}\n")
        self.supervisor.stdin.flush()
        answer = json.loads(self.supervisor.stdout.readline())
        assert answer == {"broken": way.value}, answer

    @property
    def cluster(self) -> Cluster:
        """The cluster as its inventory describes it."""
        return load_inventory(self.inventory_path).clusters[0]

    def command(
        self, node: Node, text: str, timeout: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command as that node would, without SSH."""
        root = self.directory / "nodes" / node.name
        return subprocess.run(
            ["/bin/sh", "-c", text],
            env={
                "PATH": f"{root / 'usr/bin'}:/usr/bin:/bin",
                "HOME": str(root / "root"),
                "KUBECONFIG": str(root / "etc/kubernetes/admin.conf"),
                MARKER: str(self.directory),
            },
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


@contextmanager
def running_rehearsal(
    broken: Breakage = Breakage.QUORUM_LOST, *, etcd_dir: Path | None = None
) -> Iterator[RunningRehearsal]:
    """Start a rehearsal cluster; nothing of it is left at the end.

    Sockets have short names and /tmp is short: pytest's own directories would be too long.
    """
    directory = Path(mkdtemp(prefix=NAME_PREFIX))
    supervisor = start_supervisor(directory, broken, etcd_dir=etcd_dir)
    try:
        ready = read_until_ready(supervisor)
        inventory = Path(str(ready["ready"]))
        timings = ready["timings"]
        assert isinstance(timings, dict)
        yield RunningRehearsal(directory, inventory, supervisor, timings)
    finally:
        end(supervisor)
        kill_marked(directory)
        shutil.rmtree(directory, ignore_errors=True)


def start_supervisor(
    directory: Path, broken: Breakage = Breakage.QUORUM_LOST, *, etcd_dir: Path | None = None
) -> subprocess.Popen[str]:
    """The supervisor's process; it ends when its standard input is closed."""
    words = ["--dir", str(directory), "--broken", broken.value]
    if etcd_dir is not None:
        words += ["--etcd-dir", str(etcd_dir)]
    return subprocess.Popen(
        [sys.executable, "-m", "recovery.rehearsal.supervisor", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env=clean_environment(),
        start_new_session=True,
    )


def clean_environment() -> dict[str, str]:
    """Nothing of the developer's own but the PATH and where temporary files go."""
    kept = ("PATH", "TMPDIR", "ETCD_RESCUE_ETCD_DIR", "VIRTUAL_ENV", "PYTHONPATH")
    return {name: os.environ[name] for name in kept if name in os.environ}


def read_until_ready(supervisor: subprocess.Popen[str]) -> dict[str, object]:
    """The line that says that the cluster is up."""
    assert supervisor.stdout is not None
    signal_before = signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(_START_SECONDS)
    try:
        for line in supervisor.stdout:
            said: dict[str, object] = json.loads(line)
            if "ready" in said:
                return said
            assert "error" not in said, said
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, signal_before)
    assert supervisor.stderr is not None
    raise AssertionError(f"the supervisor ended: {supervisor.stderr.read()}")


def end(supervisor: subprocess.Popen[str]) -> None:
    """Close its standard input and wait; kill it where that does not help."""
    try:
        supervisor.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.communicate()


def processes_of(directory: Path) -> dict[int, str]:
    """The command lines, by process id, of whatever carries the rehearsal's mark."""
    wanted = f"{MARKER}={directory}".encode()
    found: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                line = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
                found[int(entry.name)] = line
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def broken_rehearsal() -> Iterator[RunningRehearsal]:
    """A cluster without quorum that the tests of a module share, to look at."""
    with running_rehearsal(Breakage.QUORUM_LOST) as rehearsal:
        yield rehearsal


@pytest.fixture(scope="module")
def healthy_rehearsal() -> Iterator[RunningRehearsal]:
    """A healthy cluster that the tests of a module share, to look at."""
    with running_rehearsal(Breakage.NONE) as rehearsal:
        yield rehearsal


def _too_late(number: int, frame: object) -> None:
    raise AssertionError(f"the rehearsal cluster was not up after {_START_SECONDS} s")
