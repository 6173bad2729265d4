"""Inventories written by the program: read back as they were meant, and never over another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recovery.backups.configuration import BackupSpec, LocalStorage, S3Storage
from recovery.errors import InventoryError, UsageError
from recovery.inventory.address import SshAddress, parse_address
from recovery.inventory.load import load_inventory
from recovery.inventory.model import Cluster, Node, NodePaths, Role, SshOptions
from recovery.inventory.writing import inventory_text, write_inventory

SSH = SshOptions("ops", 2222, Path("/keys/id"), Path("/keys/known"), "ops@gate:22", True, 20.0)


def cluster() -> Cluster:
    """One with everything that an inventory can say."""
    paths = NodePaths(data_dir="/data/etcd", work="/home/ops/etcd-rescue")
    own = replace(paths, backups="/cpaas", containerd="/data/containerd")
    return Cluster(
        "prod-a",
        (
            Node("etcd-1", "10.0.0.11", ssh=SSH, paths=paths),
            Node("etcd-2", "fe80::2%eth0", ssh=replace(SSH, port=2200), paths=own),
        ),
        (Node("007", "10.0.0.21", Role.WORKER, SSH, paths),),
        BackupSpec(
            "0 */6 * * *",
            True,
            LocalStorage("/cpaas", 7776000),
            S3Storage("https://s3.example.com", "etcd", "eu-1", "prod: a", True, "secret"),
        ),
    )


@pytest.mark.parametrize(
    "given",
    [
        cluster(),
        Cluster("yes", (Node("null", "null"),)),
        replace(cluster(), backup=BackupSpec(), workers=()),
    ],
)
def test_what_is_written_is_read_back_as_it_was(given: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    write_inventory(path, inventory_text(given, ["Read by a test.\n- not: yaml", "x" * 300]))
    assert load_inventory(path).clusters == (given,)


def test_what_all_nodes_share_stands_once() -> None:
    text = inventory_text(cluster())
    assert text.count("/data/etcd") == 1
    assert text.count("identityFile") == 1


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "etcd-rescue/inventory.yaml"
    write_inventory(path, inventory_text(cluster()))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["inventory.yaml"]


def test_an_inventory_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text("mine")
    with pytest.raises(InventoryError, match="never overwritten"):
        write_inventory(path, inventory_text(cluster()))
    assert path.read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["inventory.yaml"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("etcd-1", SshAddress(None, "etcd-1", None)),
        ("root@10.0.0.11", SshAddress("root", "10.0.0.11", None)),
        ("root@10.0.0.11:2222", SshAddress("root", "10.0.0.11", 2222)),
        ("ops@[fe80::1]:2222", SshAddress("ops", "fe80::1", 2222)),
        ("fe80::1", SshAddress(None, "fe80::1", None)),
    ],
)
def test_an_address_is_read_as_ssh_reads_it(text: str, address: SshAddress) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "root@", "a b", "-oProxyCommand=x", "h:0", "h:ssh"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text)
