"""A snapshot of a cluster that had run out of space: the alarm NOSPACE travels inside."""

from __future__ import annotations

import urllib.error
from pathlib import Path

from recovery.rehearsal.kubernetes_keys import first_keys
from recovery.rehearsal.node.layout import NodeLayout
from tests.end_to_end.demo_cluster import Demo
from tests.snapshots.lone_etcd import LoneEtcd

_QUOTA = 6 * 2**20
_OLD_VALUE = "x" * 300_000
_AT_ONCE = 100
FILLED = "/registry/configmaps/default/written-again-and-again"


def alarmed_snapshot(demo: Demo, directory: Path) -> Path:
    """Of the demo's objects, and of one that was written until etcd raised its alarm."""
    directory.mkdir()
    layouts = [
        NodeLayout(Path("/"), str(node["name"]), str(node["host"]), worker=worker)
        for role, worker in (("controlPlane", False), ("workers", True))
        for node in demo.nodes(role)
    ]
    # Its CA tells that it is the demo's, although its member was elsewhere.
    authority = Path(demo.nodes()[0]["paths"]["kubernetes"]) / "pki/ca.crt"
    pairs: list[tuple[str, str | bytes]] = list(first_keys(layouts, authority.read_text()))
    with LoneEtcd(directory, quota=_QUOTA) as etcd:
        for first in range(0, len(pairs), _AT_ONCE):
            etcd.put_many(pairs[first : first + _AT_ONCE])
        for _ in range(2 * _QUOTA // len(_OLD_VALUE)):
            try:
                etcd.put(FILLED, _OLD_VALUE)
            except urllib.error.HTTPError as error:
                assert b"space exceeded" in error.read()
                return etcd.save(directory / "alarmed.db")
    raise AssertionError("the quota was never reached")
