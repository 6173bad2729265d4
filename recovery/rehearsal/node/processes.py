"""Child processes that die with this one, and can be found if they should not."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

MARKER = "ETCD_RESCUE_REHEARSAL"
"""Environment variable of every process of a rehearsal; its value is the cluster's directory."""

NODE_MARKER = "ETCD_RESCUE_REHEARSAL_NODE"
"""The same for every process of one node; its value is the node's root directory."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """To be called in a child before exec: SIGKILL arrives when the parent thread ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


async def start_process(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> asyncio.subprocess.Process:
    """Start a process in a session of its own, its output appended to a file."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    finally:
        os.close(descriptor)


def kill_marked(directory: Path, marker: str = MARKER) -> None:
    """SIGKILL every process that carries the marker of a cluster (or a node), but this one."""
    wanted = f"{marker}={directory}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            marked = wanted in (entry / "environ").read_bytes().split(b"\0")
            if marked:
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            continue
