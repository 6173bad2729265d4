"""Waiting for real members, on conditions."""

from __future__ import annotations

import asyncio

from recovery.cluster.etcd_client import connected
from recovery.errors import EtcdError
from tests.cluster.etcd_members import RealCluster


async def until_serving(etcd: RealCluster, *names: str, seconds: float = 20) -> None:
    """Until these members (all, where none is named) answer a linearizable read."""
    async with asyncio.timeout(seconds):
        for name in names or tuple(etcd.members):
            member = etcd.members[name]
            async with connected(member.name, member.target, member.certificates) as client:
                while True:
                    try:
                        await client.read(b"x", timeout=1)
                        break
                    except EtcdError:
                        continue
