"""Imports what speaks to nodes, members and stores, beside the event loop and only once.

Together they take half a second, during which a screen would stand still.
"""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module

SSH_AND_ETCD = ("recovery.ssh.connection", "recovery.cluster.etcd_door", "recovery.cluster.gather")
S3 = ("recovery.backups.s3_client",)


async def warmed(*modules: str) -> None:
    """Return when these modules are imported."""
    cold = [name for name in modules if name not in sys.modules]
    if cold:
        await asyncio.to_thread(_import, cold)


def _import(names: list[str]) -> None:
    for name in names:
        import_module(name)
