"""Writes an inventory as a person would: short lines, comments for what must be checked."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

import yaml

from recovery.backups.configuration import BackupSpec
from recovery.backups.outside_text import one_line
from recovery.errors import InventoryError, RescueError
from recovery.inventory.discovery import Discovered, FoundNode, Reach
from recovery.inventory.load import load_inventory
from recovery.inventory.model import Cluster, Node, NodePaths, SshOptions
from recovery.places import make_private

_PATHS = {
    "manifests": "manifests",
    "pki": "pki",
    "kubernetes": "kubernetes",
    "dataDir": "data_dir",
    "containerd": "containerd",
    "work": "work",
    "backups": "backups",
}


def discovered_text(found: Discovered, name: str, origin: str) -> str:
    """The inventory of a discovered cluster; `origin` says where and when it was read."""
    remarks = [*found.remarks, *_unreached(found.nodes)]
    return inventory_text(found.cluster(name), [origin, *remarks])


def inventory_text(cluster: Cluster, remarks: Iterable[str] = ()) -> str:
    """A file that `load_inventory` reads back as this one cluster, after the remarks as comments.

    What all nodes share stands once.
    """
    ssh = cluster.control_plane[0].ssh
    shared = _shared_paths(cluster)
    lines = [*_comments(remarks), "clusters:", f"  - {_pair('name', cluster.name)}"]
    lines += ["    controlPlane:", *_nodes(cluster.control_plane, ssh, shared)]
    if cluster.workers:
        lines += ["    workers:", *_nodes(cluster.workers, ssh, shared)]
    for title, block in (
        ("ssh", _ssh(ssh, SshOptions())),
        ("backup", _backup(cluster.backup) if cluster.backup else {}),
        ("paths", shared),
    ):
        if block:
            lines += [f"    {title}:", textwrap.indent(_block(block), "      ").rstrip("\n")]
    return "\n".join(lines) + "\n"


def write_inventory(path: Path, text: str) -> None:
    """Put it in place with mode 0600, in a directory with mode 0700; never over another file.

    It is read back before it gets its name. Raises InventoryError where something is there already
    or it cannot be read back, RescueError where it cannot be written.
    """
    make_private(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            load_inventory(partial)
            # A link, unlike a rename, fails where the name is taken.
            path.hardlink_to(partial)
        finally:
            partial.unlink()
    except FileExistsError as error:
        raise InventoryError(
            "there is an inventory already, and it is never overwritten",
            where=str(path),
            remedy="move it away first, or add the cluster to it by hand",
        ) from error
    except OSError as error:
        raise RescueError(
            f"the inventory cannot be written: {error.strerror}",
            where=str(path),
            remedy="etcd-rescue discover HOST prints it: put it into a file yourself",
        ) from error


def _comments(remarks: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for remark in remarks:
        lines += textwrap.wrap(
            one_line(remark, 1000),
            98,
            initial_indent="# ",
            subsequent_indent="#   ",
            break_on_hyphens=False,
        )
    return lines


def _unreached(nodes: Iterable[FoundNode]) -> list[str]:
    return [
        f"{each.node.name} could not be asked, so its paths are taken to be the usual ones: "
        f"{each.error.what}"
        for each in nodes
        if each.reach is Reach.FAILED and each.error is not None
    ]


def _nodes(nodes: Iterable[Node], ssh: SshOptions, shared: Mapping[str, str]) -> list[str]:
    lines = []
    for node in nodes:
        entry: dict[str, object] = {"name": node.name, "host": node.host}
        if own_ssh := _ssh(node.ssh, ssh):
            entry["ssh"] = own_ssh
        own = {name: path for name, path in _paths(node).items() if shared.get(name) != path}
        if own:
            entry["paths"] = own
        lines += _entry(entry)
    return lines


def _entry(entry: Mapping[str, object]) -> list[str]:
    """A node on one line where that is short enough to be read."""
    line = f"      - {_flow(entry)}"
    if len(line) <= 100:
        return [line]
    return textwrap.indent(_block([entry]), "      ").rstrip("\n").split("\n")


def _paths(node: Node) -> dict[str, str]:
    """Those that are not where they usually are."""
    usual = NodePaths()
    return {
        name: value
        for name, field in _PATHS.items()
        if (value := getattr(node.paths, field)) != getattr(usual, field)
    }


def _shared_paths(cluster: Cluster) -> dict[str, str]:
    first, *others = [_paths(node) for node in cluster.nodes]
    return {
        name: path
        for name, path in first.items()
        if all(other.get(name) == path for other in others)
    }


def _ssh(options: SshOptions, above: SshOptions) -> dict[str, object]:
    names = {
        "user": "user",
        "port": "port",
        "identity_file": "identityFile",
        "known_hosts_file": "knownHostsFile",
        "proxy_jump": "proxyJump",
        "sudo": "sudo",
        "connect_timeout": "connectTimeout",
    }
    block: dict[str, object] = {}
    for field in fields(SshOptions):
        value = getattr(options, field.name)
        if value is not None and value != getattr(above, field.name):
            block[names[field.name]] = str(value) if isinstance(value, Path) else value
    return block


def _backup(spec: BackupSpec) -> dict[str, object]:
    block: dict[str, object] = {"schedule": spec.schedule, "paused": spec.paused}
    if spec.local is not None:
        ttl = spec.local.ttl_seconds
        block["localStorage"] = {
            "path": spec.local.path,
            **({} if ttl is None else {"ttl": str(ttl)}),
        }
    if spec.s3 is not None:
        s3 = {
            "endpoint": spec.s3.endpoint,
            "region": spec.s3.region,
            "bucket": spec.s3.bucket,
            "dir": spec.s3.dir,
            "skipTLSVerify": spec.s3.skip_tls_verify,
            "secretRef": spec.s3.secret_ref,
        }
        block["remoteStorage"] = {"s3": s3}
    return block


def _pair(name: str, value: str) -> str:
    return yaml.safe_dump({name: value}, allow_unicode=True).rstrip("\n")


def _flow(value: object) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True
    )
    return text.rstrip("\n")


def _block(value: object) -> str:
    return yaml.safe_dump(
        value, default_flow_style=False, sort_keys=False, width=10_000, allow_unicode=True
    )
