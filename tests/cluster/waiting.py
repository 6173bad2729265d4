"""Waiting for real members, on conditions."""

from __future__ import annotations

import asyncio

from recovery.cluster.etcd_client import connected
from recovery.errors import EtcdError
from tests.cluster.etcd_members import RealCluster


async def until_serving(etcd: RealCluster, seconds: float = 20) -> None:
    """Until every member answers a linearizable read."""
    async with asyncio.timeout(seconds):
        for member in etcd.members.values():
            async with connected(member.name, member.target, member.certificates) as client:
                while True:
                    try:
                        await client.read(b"x", timeout=1)
                        break
                    except EtcdError:
                        continue
