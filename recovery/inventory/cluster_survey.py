"""What a cluster's own records say about its nodes: the API, etcd, and what was last saved.

Each is asked for itself, from one control-plane node; whichever is dead says why and hides
nothing of the others.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from recovery.backups.configuration import BackupSpec, parse_resource
from recovery.cluster.etcd_client import open_member
from recovery.cluster.kubernetes import (
    BACKUP_CONFIGURATION_NAME,
    ApiServer,
    api_server_url,
)
from recovery.cluster.kubernetes_objects import KubeNode
from recovery.cluster.stored_nodes import NODES, read_stored_node
from recovery.errors import RescueError
from recovery.inventory.node_survey import NodeSurvey

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession

API_SECONDS = 8
MEMBER_SECONDS = 6.0

STORED_CONFIGURATION = (
    f"/registry/enhancement.cluster.alauda.io/etcdbackupconfigurations/{BACKUP_CONFIGURATION_NAME}"
).encode()


@dataclass(frozen=True, slots=True)
class Told:
    """What one source says; everything that it does not know is empty."""

    source: str
    """In words, as it is written into an inventory."""
    members: tuple[tuple[str, str], ...] = ()
    """(member name, peer URL), where the source knows all members."""
    nodes: tuple[KubeNode, ...] = ()
    backup: BackupSpec | None = None
    cluster_name: str = ""
    trouble: tuple[str, ...] = field(default=())
    """What it could not tell, and why."""


async def ask_api(session: NodeSession, survey: NodeSurvey) -> Told:
    """The API server of the node: nodes, the cluster's name, the backup configuration."""
    server = ApiServer(session, _url(survey))
    try:
        nodes = await server.list_nodes(seconds=API_SECONDS)
    except RescueError as error:
        return Told("the API", trouble=(f"the API server on {server.name}: {error.what}",))
    name, trouble = await _kubeadm_name(server)
    backup, more = await _backup_from_api(server)
    return Told("the API", (), nodes, backup, name, (*trouble, *more))


async def ask_member(session: NodeSession, survey: NodeSurvey) -> Told:
    """The node's own etcd member, which knows the others also where the quorum is lost."""
    source = f"etcd's member list on {session.node.name}"
    if survey.manifest is None:
        return Told(source, trouble=(survey.manifest_error or "etcd.yaml is missing",))
    nodes: list[KubeNode] = []
    try:
        async with open_member(session, survey.manifest) as member:
            listed = await member.members(timeout=MEMBER_SECONDS)
            async for page in member.pages(
                NODES, keys_only=False, serializable=True, timeout=MEMBER_SECONDS
            ):
                nodes += filter(None, (read_stored_node(each.value) for each in page.keys))
            stored = await member.get(
                STORED_CONFIGURATION, serializable=True, timeout=MEMBER_SECONDS
            )
    except RescueError as error:
        said = f"the etcd member on {session.node.name}: {error.what}"
        return Told(source, trouble=(said,))
    nameless = [each for each in listed if not each.name]
    trouble = ("a member has never started, and has no name yet",) if nameless else ()
    backup, more = backup_of(stored) if stored else (None, ())
    members = tuple(
        (each.name, each.peer_urls[0] if each.peer_urls else "") for each in listed if each.name
    )
    return Told(source, members, tuple(nodes), backup, "", (*trouble, *more))


async def ask_both(session: NodeSession, survey: NodeSurvey) -> tuple[Told, Told]:
    """The API and the member, at once."""
    async with asyncio.TaskGroup() as group:
        api = group.create_task(ask_api(session, survey))
        member = group.create_task(ask_member(session, survey))
    return api.result(), member.result()


def backup_of(resource: str | bytes) -> tuple[BackupSpec | None, tuple[str, ...]]:
    """The spec of a stored EtcdBackupConfiguration, or why there is none."""
    try:
        return parse_resource(resource)[0], ()
    except RescueError as error:
        return None, (f"the backup configuration is not understood: {error.what}",)


def _url(survey: NodeSurvey) -> str:
    if survey.manifest is not None:
        return api_server_url(survey.manifest, survey.api_server_port, survey.api_server_address)
    host = survey.api_server_address or "127.0.0.1"
    return f"https://{f'[{host}]' if ':' in host else host}:{survey.api_server_port}"


async def _kubeadm_name(server: ApiServer) -> tuple[str, tuple[str, ...]]:
    try:
        stored = await server.read_config_map("kube-system", "kubeadm-config", seconds=API_SECONDS)
    except RescueError:
        # Clusters that kubeadm did not make have none.
        return "", ()
    data = stored.get("data")
    text = data.get("ClusterConfiguration") if isinstance(data, Mapping) else None
    try:
        document = yaml.safe_load(text) if isinstance(text, str) else None
    except yaml.YAMLError:
        return "", ("kubeadm-config is not understood",)
    name = document.get("clusterName") if isinstance(document, Mapping) else None
    return name if isinstance(name, str) else "", ()


async def _backup_from_api(server: ApiServer) -> tuple[BackupSpec | None, tuple[str, ...]]:
    try:
        resource = await server.read_backup_configuration(seconds=API_SECONDS)
    except RescueError as error:
        return None, (f"the backup configuration cannot be read: {error.what}",)
    return (None, ()) if resource is None else backup_of(json.dumps(resource))
