"""Waits for what runs on rehearsal nodes, on conditions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from recovery.errors import RehearsalError
from recovery.rehearsal.node.etcd_gateway import EtcdGateway, GatewayError
from recovery.rehearsal.node.layout import NodeLayout
from recovery.rehearsal.node.runtime import Container

START_SECONDS = 30.0


def gateway_of(layout: NodeLayout) -> EtcdGateway:
    """The JSON gateway of the node's member, with a client's certificate."""
    etcd = layout.pki / "etcd"
    return EtcdGateway(
        f"https://{layout.address}:2379",
        str(etcd / "ca.crt"),
        str(etcd / "healthcheck-client.crt"),
        str(etcd / "healthcheck-client.key"),
    )


async def wait_for_port(layout: NodeLayout, port: int, what: str) -> None:
    """Return when something accepts connections there; RehearsalError where nothing does."""
    try:
        async with asyncio.timeout(START_SECONDS):
            while True:
                try:
                    _, writer = await asyncio.open_connection(layout.address, port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return
    except TimeoutError as error:
        raise RehearsalError(
            f"{what} did not start on {layout.name}", where=str(layout.logs)
        ) from error


async def wait_for_end(layout: NodeLayout, containers: Sequence[Container]) -> None:
    """Return when none of these containers of the node runs; RehearsalError where one stays."""
    try:
        async with asyncio.timeout(START_SECONDS):
            for container in containers:
                await container.ended.wait()
    except TimeoutError as error:
        raise RehearsalError(
            f"{container.name} did not end on {layout.name}", where=str(layout.logs)
        ) from error


async def wait_for_member(layout: NodeLayout, seconds: float = START_SECONDS) -> None:
    """Return when the member answers a linearizable read; RehearsalError where it does not."""
    gateway = gateway_of(layout)
    deadline = time.monotonic() + seconds
    while True:
        try:
            await asyncio.to_thread(gateway.range, "/registry/health", 2)
            return
        except GatewayError as error:
            if time.monotonic() > deadline:
                raise RehearsalError(
                    f"etcd did not start on {layout.name}",
                    where=str(layout.logs),
                    detail=str(error),
                ) from error
            await asyncio.sleep(0.05)
