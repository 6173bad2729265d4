"""The platform's records: from any API server that answers, or as they were last seen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from recovery.backups.configuration import parse_resource
from recovery.backups.last_seen import remember, remembered
from recovery.backups.model import Record
from recovery.cluster.facts import ClusterFacts
from recovery.cluster.kubernetes import ApiServer, api_server_url
from recovery.errors import KubernetesError, RescueError
from recovery.ssh.fleet import Fleet

USUAL_SECRET = "etcd-backup-s3-secret"
_SECONDS = 6


async def read_records(fleet: Fleet, facts: ClusterFacts | None, seen: Path) -> Sequence[Record]:
    """The records of `etcd-backup-default`; none where the cluster has no such resource.

    They lie in the very etcd that may be dead, so every configuration seen is kept in
    the file `seen` (it holds no secrets), and is used where no API server answers. Raises
    KubernetesError where there is neither.
    """
    trouble: RescueError | None = None
    for server in api_servers(fleet, facts):
        try:
            resource = await server.read_backup_configuration(seconds=_SECONDS)
        except RescueError as error:
            trouble = error
            continue
        if resource is None:
            return ()
        await asyncio.to_thread(remember, resource, seen)
        return parse_resource(json.dumps(resource))[1]
    last_seen = await asyncio.to_thread(remembered, seen)
    if last_seen is not None:
        return parse_resource(last_seen[0])[1]
    raise KubernetesError(
        "the records cannot be read: no API server answers, and they lie in etcd itself",
        remedy="files and objects are listed directly all the same",
        detail=str(trouble) if trouble else "",
    )


async def read_secret(fleet: Fleet, facts: ClusterFacts, namespace: str, name: str) -> str:
    """A secret as the first API server that answers gives it (JSON).

    Raises KubernetesError where none answers, or none has it.
    """
    trouble: RescueError | None = None
    for server in api_servers(fleet, facts):
        try:
            return await server.read_secret(namespace, name, seconds=_SECONDS)
        except RescueError as error:
            trouble = error
    raise KubernetesError(
        f"the secret {name} cannot be read from the cluster",
        remedy="give the keys by a profile, the environment, or when asked",
        detail=str(trouble) if trouble else "no API server is known",
    )


def api_servers(fleet: Fleet, facts: ClusterFacts | None) -> Iterator[ApiServer]:
    """The API servers of the nodes that were reached, in the inventory's order."""
    for name, node in (facts.nodes if facts else {}).items():
        if node.manifest is not None:
            url = api_server_url(node.manifest, node.api_server_port, node.api_server_address)
            yield ApiServer(fleet.session(name), url)
