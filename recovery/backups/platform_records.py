"""The API servers of the nodes that were reached, and the platform's secret from one of them."""

from __future__ import annotations

from collections.abc import Iterator

from recovery.cluster.facts import ClusterFacts
from recovery.cluster.kubernetes import ApiServer, api_server_url
from recovery.errors import KubernetesError, RescueError
from recovery.ssh.fleet import Fleet

USUAL_SECRET = "etcd-backup-s3-secret"
_SECONDS = 6


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
