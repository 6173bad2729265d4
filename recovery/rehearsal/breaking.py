"""Breaks the rehearsal cluster, for real and for good, in each way that a diagnosis tells."""

from __future__ import annotations

import asyncio
import base64
import enum
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from recovery.cluster.manifest_edit import set_flag
from recovery.errors import RehearsalError
from recovery.rehearsal.diverging import restore_apart
from recovery.rehearsal.etcd_binaries import EtcdBinaries
from recovery.rehearsal.node.etcd_gateway import GatewayError
from recovery.rehearsal.node.layout import NodeLayout
from recovery.rehearsal.node.simulated_node import SimulatedNode
from recovery.rehearsal.pki import Authorities, write_etcd_certificates
from recovery.rehearsal.waiting import gateway_of, wait_for_end, wait_for_member


class Breakage(enum.Enum):
    """The ways in which it can be broken."""

    NONE = "healthy"
    """Nothing is broken."""
    QUORUM_LOST = "quorum-lost"
    """Two of three data directories wrecked; the third member runs without a leader."""
    ONE_MEMBER_DOWN = "one-member-down"
    """One data directory wiped; the other two members serve."""
    STOPPED = "stopped"
    """No etcd runs, and the data is intact: kubelet stopped, one etcd.yaml moved away."""
    API_DOWN = "api-down"
    """etcd is healthy; the API servers end at once, over a flag that names no file."""
    DIVERGED = "diverged"
    """One member restored from an older snapshot: all three report to be healthy."""
    BUMPED_ONE = "bumped-one"
    """One member's revisions raised as a restore does, the others' not."""
    NOSPACE = "nospace"
    """The alarm NOSPACE is raised: etcd takes no writes."""
    EXPIRED_CERTIFICATE = "expired-certificate"
    """etcd's certificates have expired on every node, as they were made together."""
    CLOCK_OFF = "clock-off"
    """The clock of the second node is four minutes ahead."""


CLOCK_OFF_SECONDS = 240
_MOST_WRITES = 40


@dataclass(frozen=True, slots=True)
class Ground:
    """What breaking takes."""

    nodes: tuple[SimulatedNode, ...]
    """The control-plane nodes."""
    binaries: EtcdBinaries
    authorities: Authorities
    environment: dict[str, str]


async def break_cluster(ground: Ground, way: Breakage) -> None:
    """Break a healthy cluster in this way; it stays broken until somebody mends it."""
    breaking = _WAYS.get(way)
    if breaking is not None:
        await breaking(ground)


async def _lose_quorum(ground: Ground) -> None:
    """Wreck the second and the third control-plane node.

    It must stay broken: a member that is merely wiped can rejoin by itself when its manifest lists
    all members as `existing`. So the second, whose manifest lists two of three, is wiped (it stops
    at "member count is unequal"), and the third, whose manifest lists all, gets a database that
    etcd cannot open.
    """
    wiped, wrecked = ground.nodes[1], ground.nodes[2]
    for node in (wiped, wrecked):
        await node.stop_kubelet()
        await node.kill_container("etcd")
    shutil.rmtree(wiped.layout.data_dir / "member")
    database = wrecked.layout.data_dir / "member/snap/db"
    size = database.stat().st_size
    database.write_bytes(os.urandom(size))
    for node in (wiped, wrecked):
        node.kubelet.start()


async def _wipe_one(ground: Ground) -> None:
    node = ground.nodes[1]
    await node.stop_kubelet()
    await node.kill_container("etcd")
    shutil.rmtree(node.layout.data_dir / "member")
    node.kubelet.start()


async def _stop_all(ground: Ground) -> None:
    *stopped, moved = ground.nodes
    running = moved.containers("etcd")
    for node in stopped:
        await node.stop_kubelet()
        await node.kill_container("etcd")
    (moved.layout.manifests / "etcd.yaml").rename(moved.layout.home / "etcd.yaml")
    await wait_for_end(moved.layout, running)


async def _break_api_servers(ground: Ground) -> None:
    await _change_manifests(
        ground,
        "kube-apiserver",
        lambda text: text.replace("apiserver-etcd-client.crt", "apiserver-etcd.crt"),
    )


async def _change_manifests(ground: Ground, name: str, change: Callable[[str], str]) -> None:
    """Change a manifest on every node; return when nothing that ran by the old ones runs."""
    # Known by their ids, not by their ports: the new container of a quick node listens before the
    # old one of a slow node has ended.
    running = [(node, node.containers(name)) for node in ground.nodes]
    for node in ground.nodes:
        path = node.layout.manifests / f"{name}.yaml"
        path.write_text(change(path.read_text()))
    for node, old in running:
        await wait_for_end(node.layout, old)


async def _restore_one_from_another(ground: Ground) -> None:
    await restore_apart(
        ground.nodes, ground.binaries, ground.environment, odd=1, writes=40, odd_is_newer=False
    )


async def _raise_one(ground: Ground) -> None:
    # By writing, as etcdutl before 3.5.10 cannot raise revisions itself.
    await restore_apart(
        ground.nodes, ground.binaries, ground.environment, odd=1, writes=200, odd_is_newer=True
    )


async def _fill_the_quota(ground: Ground) -> None:
    """Lower the quota, and write the same key again and again until etcd refuses."""
    layouts = [node.layout for node in ground.nodes]
    size = max((one.data_dir / "member/snap/db").stat().st_size for one in layouts)
    quota = str(size + 4 * 2**20)
    await _change_manifests(
        ground, "etcd", lambda text: set_flag(text, "quota-backend-bytes", quota)
    )
    for layout in layouts:
        await wait_for_member(layout)
    await asyncio.to_thread(_write_until_refused, layouts[0])


def _write_until_refused(layout: NodeLayout) -> None:
    gateway = gateway_of(layout)
    body: dict[str, object] = {
        "key": base64.b64encode(b"/registry/configmaps/default/grows").decode(),
        "value": base64.b64encode(b"x" * 2**20).decode(),
    }
    for _ in range(_MOST_WRITES):
        try:
            gateway.call("/v3/kv/put", body, 10)
        except GatewayError as error:
            if "space" in str(error):
                return
            raise
    raise RehearsalError("etcd took more than its quota allows", where=layout.name)


async def _let_certificates_expire(ground: Ground) -> None:
    for node in ground.nodes:
        write_etcd_certificates(node.layout, ground.authorities, days=-1)
    for node in ground.nodes:
        await node.kill_container("etcd")


async def _move_a_clock(ground: Ground) -> None:
    node, real = ground.nodes[1], shutil.which("date") or "/bin/date"
    path = node.layout.commands / "date"
    path.write_text(
        "#!/bin/sh\n# This node's clock is ahead.\n"
        f'exec {real} -d "@$(($({real} +%s) + {CLOCK_OFF_SECONDS}))" "$@"\n'
    )
    path.chmod(0o755)


_WAYS: dict[Breakage, Callable[[Ground], Awaitable[None]]] = {
    Breakage.QUORUM_LOST: _lose_quorum,
    Breakage.ONE_MEMBER_DOWN: _wipe_one,
    Breakage.STOPPED: _stop_all,
    Breakage.API_DOWN: _break_api_servers,
    Breakage.DIVERGED: _restore_one_from_another,
    Breakage.BUMPED_ONE: _raise_one,
    Breakage.NOSPACE: _fill_the_quota,
    Breakage.EXPIRED_CERTIFICATE: _let_certificates_expire,
    Breakage.CLOCK_OFF: _move_a_clock,
}
