"""Snapshots that a real etcd made, at several moments of one life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.snapshots.lone_etcd import LoneEtcd, text64

BIG = 1_400_000


@dataclass(frozen=True)
class History:
    """The files, in the order in which they were made."""

    empty: Path
    """Before the first key."""
    small: Path
    """A handful of keys, so that it can be read thousands of times."""
    lived: Path
    """Kubernetes keys and others, leases, transactions, deletions, one huge value."""
    compacted: Path
    """The same, compacted and defragmented, with an alarm."""
    guarded: Path
    """With authentication switched on."""
    own: Path
    """The stopped member's own database: no trailing hash."""


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """One etcd's life."""
    directory = tmp_path_factory.mktemp("history")
    with LoneEtcd(directory) as etcd:
        empty = etcd.save(directory / "empty.db")
        _begin(etcd)
        small = etcd.save(directory / "small.db")
        _live(etcd)
        lived = etcd.save(directory / "lived.db")
        revision = etcd.put("/registry/configmaps/default/last", "v")["header"]
        assert isinstance(revision, dict)
        etcd.ask("kv/compaction", revision=revision["revision"], physical=True)
        etcd.ask("maintenance/defragment")
        etcd.ask("maintenance/alarm", action="ACTIVATE", memberID="4711", alarm="NOSPACE")
        compacted = etcd.save(directory / "compacted.db")
        etcd.ask("maintenance/alarm", action="DEACTIVATE", memberID="4711", alarm="NOSPACE")
        etcd.ask("auth/user/add", name="root", password="pw")
        etcd.ask("auth/user/grant", user="root", role="root")
        etcd.ask("auth/enable")
        guarded = etcd.save(directory / "guarded.db", user="root:pw")
    yield History(empty, small, lived, compacted, guarded, etcd.database)


def _begin(etcd: LoneEtcd) -> None:
    for number in range(8):
        etcd.put(f"/registry/pods/default/first-{number}", "v")
    etcd.put("/registry/pods/default/first-0", "later")
    etcd.delete("/registry/pods/default/first-1")


def _live(etcd: LoneEtcd) -> None:
    lease = etcd.ask("lease/grant", TTL=10_000)["ID"]
    for start in range(0, 1200, 100):
        etcd.put_many(
            [
                (f"/registry/pods/ns-{number % 3}/pod-{number:04}", f"pod {number} " + "x" * 300)
                for number in range(start, start + 100)
            ]
        )
    for number in range(5):
        etcd.put(f"/registry/minions/node-{number}", f"node {number}", lease=lease)
        etcd.put(f"/registry/services/specs/ns-0/svc-{number}", "service")
        etcd.put(f"/registry/services/endpoints/ns-0/svc-{number}", "endpoints")
        etcd.put(f"/registry/secrets/ns-1/s-{number}", f"k8s:enc:aescbc:v1:key1:\x01{number}")
        etcd.put(f"/registry/apps.example.com/widgets/ns-1/w-{number}", "{}")
        etcd.put(f"/registry/apps.example.com/gadgets/g-{number}", "{}")
        etcd.put(f"not-kubernetes-{number}", "")
    etcd.put("/registry/secrets/ns-1/s-9", "k8s:enc:kms:v2:vault:\x01")
    etcd.put("/registry/configmaps/ns-0/" + "long" * 60, "a key of more than 127 bytes")
    etcd.put("huge", bytes(range(256)) * (BIG // 256), lease=lease)
    etcd.delete("/registry/pods/ns-2/", prefix=True)
    etcd.ask(
        "kv/txn",
        success=[
            {"requestPut": {"key": text64("both"), "value": text64("a")}},
            {"requestDeleteRange": {"key": text64("/registry/pods/ns-1/pod-0001")}},
        ],
    )
