"""Imports what speaks to nodes, members and stores, beside the event loop and only once.

Together they take half a second, during which a screen would stand still.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from importlib import import_module

# etcd3 and botocore both want six, which makes `six.moves` only at the end of its own import: a
# second thread that asks for it meanwhile is told that there is no such module.
_FIRST = "six.moves"
SSH_AND_ETCD = (
    _FIRST,
    "recovery.ssh.connection",
    "recovery.cluster.etcd_door",
    "recovery.cluster.gather",
)
S3 = (_FIRST, "recovery.backups.s3_client")

_ONE_AT_A_TIME = threading.Lock()


async def warmed(*modules: str) -> None:
    """Return when these modules are imported."""
    cold = [name for name in modules if name not in sys.modules]
    if cold:
        await asyncio.to_thread(_import, cold)


def _import(names: list[str]) -> None:
    with _ONE_AT_A_TIME:
        for name in names:
            import_module(name)
