"""Loads an inventory file; whatever is wrong with it is named by file, line and field."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from pathlib import Path

from recovery.errors import InventoryError
from recovery.inventory import wording
from recovery.inventory.backup_block import read_backup
from recovery.inventory.fields import Fields, Problems
from recovery.inventory.model import (
    Cluster,
    Inventory,
    Node,
    NodePaths,
    Role,
    S3CredentialsSource,
    SshOptions,
)
from recovery.inventory.selection import select_cluster
from recovery.inventory.yaml_text import read_tree

__all__ = ["load_inventory", "select_cluster"]

LONGEST_TIMEOUT = 600.0
"""Seconds."""

_CLUSTER = ("name", "controlPlane", "workers", "ssh", "backup", "s3Credentials", "paths")
_NODE = ("name", "host", "ssh", "paths")
_SSH = ("user", "port", "identityFile", "knownHostsFile", "proxyJump", "sudo", "connectTimeout")
_PATHS = ("manifests", "pki", "kubernetes", "dataDir", "containerd", "work", "backups")


def load_inventory(path: Path) -> Inventory:
    """The clusters of an inventory file.

    Raises InventoryError: `where` is file and line of the first problem, `what` names the field,
    `detail` lists all problems where there are several.
    """
    loader, root = read_tree(path)
    problems = Problems(path)
    file = Fields(root, "", loader, problems, ("clusters",))
    clusters = tuple(_cluster(fields) for fields in file.sections("clusters", _CLUSTER))
    _note_same_names(file, clusters)
    problems.raise_any()
    if not clusters:
        raise InventoryError(
            "clusters is missing or empty",
            where=f"{path}:1",
            remedy="it needs at least one cluster, with a name and one controlPlane node",
        )
    return Inventory(path, clusters)


def _cluster(fields: Fields) -> Cluster:
    ssh = _ssh(fields.section("ssh", _SSH), SshOptions())
    paths = _paths(fields.section("paths", _PATHS), NodePaths())
    control_plane = _nodes(fields, "controlPlane", Role.CONTROL_PLANE, ssh, paths)
    if fields.lacks("controlPlane") or fields.is_empty_list("controlPlane"):
        fields.problem("controlPlane needs at least one node", "add {name: …, host: …}")
    workers = _nodes(fields, "workers", Role.WORKER, ssh, paths)
    _note_same_nodes(control_plane + workers)
    backup = fields.section("backup", None)
    return Cluster(
        name=_required(fields, "name", wording.cluster_name),
        control_plane=tuple(node for _, node in control_plane),
        workers=tuple(node for _, node in workers),
        backup=None if backup is None else read_backup(backup),
        s3_credentials=_s3_credentials(fields.section("s3Credentials", ("profile", "file"))),
    )


def _required(fields: Fields, field: str, wrong: wording.Judge) -> str:
    if fields.lacks(field):
        fields.problem(f"{field} is missing")
    return fields.text(field, wrong) or ""


def _nodes(
    cluster: Fields, field: str, role: Role, ssh: SshOptions, paths: NodePaths
) -> list[tuple[Fields, Node]]:
    nodes = []
    for fields in cluster.sections(field, _NODE):
        name = _required(fields, "name", wording.node_name)
        node = Node(
            name=name,
            host=fields.text("host", wording.host) or name,
            role=role,
            ssh=_ssh(fields.section("ssh", _SSH), ssh),
            paths=_paths(fields.section("paths", _PATHS), paths),
        )
        nodes.append((fields, node))
    return nodes


def _ssh(fields: Fields | None, above: SshOptions) -> SshOptions:
    if fields is None:
        return above
    sudo = fields.boolean("sudo")
    return SshOptions(
        user=fields.text("user", wording.user) or above.user,
        port=fields.integer("port", 1, 65535) or above.port,
        identity_file=_local_file(fields, "identityFile") or above.identity_file,
        known_hosts_file=_local_file(fields, "knownHostsFile") or above.known_hosts_file,
        proxy_jump=fields.text("proxyJump", wording.proxy_jump) or above.proxy_jump,
        sudo=above.sudo if sudo is None else sudo,
        connect_timeout=fields.seconds("connectTimeout", LONGEST_TIMEOUT) or above.connect_timeout,
    )


def _paths(fields: Fields | None, above: NodePaths) -> NodePaths:
    if fields is None:
        return above

    def optional(field: str) -> str | None:
        text = fields.text(field, wording.node_path)
        return posixpath.normpath(text) if text else None

    def path(field: str, default: str) -> str:
        return optional(field) or default

    return replace(
        above,
        manifests=path("manifests", above.manifests),
        pki=path("pki", above.pki),
        kubernetes=path("kubernetes", above.kubernetes),
        data_dir=path("dataDir", above.data_dir),
        containerd=path("containerd", above.containerd),
        work=path("work", above.work),
        backups=optional("backups") or above.backups,
    )


def _s3_credentials(fields: Fields | None) -> S3CredentialsSource:
    if fields is None:
        return S3CredentialsSource()
    return S3CredentialsSource(profile=fields.text("profile"), file=_local_file(fields, "file"))


def _local_file(fields: Fields, field: str) -> Path | None:
    text = fields.text(field)
    if text is None:
        return None
    try:
        return Path("~").expanduser() / Path(text).expanduser()
    except RuntimeError:
        fields.problem(f"{text!r} names a home directory that is not known", field=field)
        return None


def _note_same_names(file: Fields, clusters: tuple[Cluster, ...]) -> None:
    names = [cluster.name for cluster in clusters if cluster.name]
    for name in sorted({name for name in names if names.count(name) > 1}):
        file.problem(f"two clusters are called {name!r}", field="clusters")


def _note_same_nodes(nodes: list[tuple[Fields, Node]]) -> None:
    names: dict[str, str] = {}
    machines: dict[tuple[str, int, str | None], str] = {}
    for fields, node in nodes:
        if not node.name:
            continue
        if node.name in names:
            fields.problem(f"{node.name!r} is also {names[node.name]}", field="name")
        names.setdefault(node.name, fields.path())
        machine = (node.host, node.ssh.port or 22, node.ssh.proxy_jump)
        if machine in machines:
            fields.problem(f"is the same host and port as {machines[machine]}", field="host")
        machines.setdefault(machine, fields.path())
