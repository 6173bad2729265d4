"""A snapshot that leaves no room below the quota, with a value whose key is lost: restored all the
same, by two yeses of their own, and etcd takes writes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from recovery.rehearsal.kubernetes_keys import first_keys
from recovery.rehearsal.node.layout import NodeLayout
from tests.end_to_end.demo_cluster import Demo, running_demo
from tests.snapshots.lone_etcd import LoneEtcd

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.environ.get("ETCD_RESCUE_FAULTS") != "every",
        reason="plan, checks and clearing are tried one by one: ETCD_RESCUE_FAULTS=every",
    ),
]

_AT_ONCE = 100
_LOCKED = b"k8s:enc:aescbc:v1:key1:" + b"\x01" * 64


def snapshot_of(demo: Demo, directory: Path) -> Path:
    """The demo's objects and its CA, and one Secret that nobody can read any more."""
    directory.mkdir()
    layouts = [
        NodeLayout(Path("/"), str(node["name"]), str(node["host"]), worker=worker)
        for role, worker in (("controlPlane", False), ("workers", True))
        for node in demo.nodes(role)
    ]
    authority = Path(demo.nodes()[0]["paths"]["kubernetes"]) / "pki/ca.crt"
    pairs: list[tuple[str, str | bytes]] = list(first_keys(layouts, authority.read_text()))
    with LoneEtcd(directory) as etcd:
        for first in range(0, len(pairs), _AT_ONCE):
            etcd.put_many(pairs[first : first + _AT_ONCE])
        etcd.put("/registry/secrets/default/locked", _LOCKED)
        return etcd.save(directory / "saved.db")


def test_room_is_made_and_the_lost_key_needs_its_own_yes(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with running_demo(tmp_path / "home") as demo:
        snapshot = snapshot_of(demo, tmp_path / "other")
        for node in demo.nodes():
            manifest = Path(node["paths"]["manifests"]) / "etcd.yaml"
            flag = rf"\1    - --quota-backend-bytes={snapshot.stat().st_size}" + "\n"
            manifest.write_text(re.sub(r"(    - etcd\n)", flag, manifest.read_text(), count=1))
        yes = ("--confirm", "demo", "--acknowledge-warnings")
        refused = demo.command("restore", str(snapshot), *yes)
        assert refused.returncode == 3
        assert "no control-plane node has the key key1: 1 values" in refused.stderr
        assert "add --encryption-key-is-lost" in refused.stderr
        ran = demo.command("restore", str(snapshot), *yes, "--encryption-key-is-lost", seconds=600)
        assert ran.returncode == 0, ran.stderr
        assert "make room in etcd" in ran.stderr
        assert "a write went through" in ran.stderr
        assert demo.json("health")["healthy"] is True
