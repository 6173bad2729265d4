"""Gives the rehearsal's members different data, as a restore gone wrong does: all look healthy."""

from __future__ import annotations

import asyncio
import base64
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from recovery.errors import RehearsalError
from recovery.rehearsal.etcd_binaries import EtcdBinaries
from recovery.rehearsal.node.etcd_gateway import GatewayError
from recovery.rehearsal.node.layout import NodeLayout
from recovery.rehearsal.node.simulated_node import SimulatedNode
from recovery.rehearsal.seeding import run_tool
from recovery.rehearsal.waiting import START_SECONDS, gateway_of, wait_for_member

FORMING_SECONDS = 100.0
"""Members that are started together wait for each other, each for several seconds, until their
check for corruption at the start gives up; a machine that is busy doubles that."""

_KEY = base64.b64encode(b"/registry/events/default/while-nobody-looked").decode()


async def restore_apart(
    nodes: Sequence[SimulatedNode],
    binaries: EtcdBinaries,
    environment: dict[str, str],
    *,
    odd: int,
    writes: int,
    odd_is_newer: bool,
) -> None:
    """Restore all members with the same flags and token, the one numbered `odd` from another file.

    The two snapshots are `writes` revisions apart.
    """
    layouts = [node.layout for node in nodes]
    scratch = layouts[0].home / "snapshots"
    scratch.mkdir(exist_ok=True)
    for layout in layouts:
        await wait_for_member(layout)
    older, newer = scratch / "older.db", scratch / "newer.db"
    await _save(binaries, layouts[0], older, environment)
    await asyncio.to_thread(_write, layouts[0], writes)
    await _save(binaries, layouts[0], newer, environment)
    for node in nodes:
        await node.stop_kubelet()
        for name in ("etcd", "kube-apiserver"):
            await node.kill_container(name)
    for number, layout in enumerate(layouts):
        source = newer if (number == odd) is odd_is_newer else older
        await _restore(binaries, layouts, layout, source, environment)
    shutil.rmtree(scratch)
    for node in nodes:
        node.kubelet.start()
    for layout in layouts:
        await wait_for_member(layout, FORMING_SECONDS)


async def _save(
    binaries: EtcdBinaries, layout: NodeLayout, path: Path, environment: dict[str, str]
) -> None:
    pki = layout.pki / "etcd"
    await run_tool(
        [
            binaries.etcdctl,
            f"--endpoints=https://{layout.address}:2379",
            f"--cacert={pki / 'ca.crt'}",
            f"--cert={pki / 'healthcheck-client.crt'}",
            f"--key={pki / 'healthcheck-client.key'}",
            "snapshot",
            "save",
            path,
        ],
        environment,
    )


def _write(layout: NodeLayout, count: int) -> None:
    gateway = gateway_of(layout)
    deadline = time.monotonic() + START_SECONDS
    written = 0
    while written < count:
        value = base64.b64encode(b"%d" % written).decode()
        try:
            gateway.call("/v3/kv/put", {"key": _KEY, "value": value})
        except GatewayError as error:
            # A member that has just come in makes the others slow for a moment.
            if time.monotonic() > deadline:
                raise RehearsalError(
                    f"{layout.name} takes no writes", where=layout.name, detail=str(error)
                ) from error
            time.sleep(0.1)
        else:
            written += 1


async def _restore(
    binaries: EtcdBinaries,
    layouts: Sequence[NodeLayout],
    layout: NodeLayout,
    snapshot: Path,
    environment: dict[str, str],
) -> None:
    restored = layout.home / "restored"
    peers = {one.name: f"https://{one.address}:2380" for one in layouts}
    await run_tool(
        [
            binaries.etcdutl or binaries.etcdctl,
            "snapshot",
            "restore",
            snapshot,
            f"--name={layout.name}",
            f"--initial-cluster={','.join(f'{name}={url}' for name, url in peers.items())}",
            f"--initial-advertise-peer-urls={peers[layout.name]}",
            "--initial-cluster-token=restored-by-hand",
            f"--data-dir={restored}",
        ],
        environment,
    )
    shutil.rmtree(layout.data_dir / "member")
    (restored / "member").rename(layout.data_dir / "member")
    shutil.rmtree(restored)
