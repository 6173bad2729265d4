"""The Kubernetes side, asked on a control-plane node with its own kubectl and admin kubeconfig.

Credentials never leave the node. Every question has a time limit on the node and here.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from recovery.cluster.facts import EtcdManifest
from recovery.cluster.kubernetes_objects import (
    KubeNode,
    KubePod,
    PlacedPod,
    read_nodes,
    read_placed_pods,
    read_pods,
)
from recovery.cluster.kubernetes_trouble import explain
from recovery.errors import KubernetesError, NodeUnreachableError, ScriptError
from recovery.ssh.script import script

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession, ScriptResult

TIMEOUT = 10
"""Seconds for one question to an API server."""

BACKUP_CONFIGURATION = "etcdbackupconfigurations.enhancement.cluster.alauda.io"
BACKUP_CONFIGURATION_NAME = "etcd-backup-default"

_READY = """
if command -v kubectl > /dev/null; then
  exec timeout "$SECONDS_GIVEN" kubectl --kubeconfig "$KUBECONFIG" --server "$SERVER" \\
    get --raw '/readyz?verbose'
fi
# Without kubectl: /readyz is open to everybody in Kubernetes' default roles.
command -v curl > /dev/null || { echo "neither kubectl nor curl is on the PATH" >&2; exit 127; }
exec curl --silent --show-error --fail --max-time "$SECONDS_GIVEN" \\
  --cacert "$AUTHORITY" "$SERVER/readyz"
"""

_GET = """
command -v kubectl > /dev/null || { echo "kubectl is not on the PATH" >&2; exit 127; }
exec timeout "$SECONDS_GIVEN" kubectl --kubeconfig "$KUBECONFIG" --server "$SERVER" \\
  get @WHAT@ -o json
"""

_PLACED = (
    "custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,NODE:.spec.nodeName,"
    "PHASE:.status.phase"
)


_KUBECTL = """
command -v kubectl > /dev/null || { echo "kubectl is not on the PATH" >&2; exit 127; }
exec timeout "$SECONDS_GIVEN" kubectl --kubeconfig "$KUBECONFIG" --server "$SERVER" \\
  @WORDS@
"""


async def api_ready(session: NodeSession, manifest: EtcdManifest, port: int) -> None:
    """Ask the API server of this one node whether it is ready.

    Raises KubernetesError, which says what is not ready, or NodeUnreachableError.
    """
    await ApiServer(session, api_server_url(manifest, port)).ready()


def api_server_url(manifest: EtcdManifest, port: int, address: str | None = None) -> str:
    """The URL of the API server on the member's own node.

    Without `address` (its --advertise-address) it is the host of etcd's advertised client URL:
    kubeadm gives both servers the node's one address, and names it in both certificates.
    """
    urls = manifest.advertise_client_urls or manifest.initial_advertise_peer_urls
    host = address or (urlsplit(urls[0]).hostname if urls else None) or "127.0.0.1"
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


class ApiServer:
    """One API server, asked from its own node. Every method raises KubernetesError, or
    NodeUnreachableError where the node itself does not answer."""

    def __init__(self, session: NodeSession, url: str) -> None:
        self.name = session.node.name
        self.url = url
        self._session = session

    async def ready(self, *, seconds: int = TIMEOUT) -> None:
        """Return where it says that it is ready: it reads from and writes to its etcd."""
        kubernetes = self._session.node.paths.kubernetes
        await self._run(
            script(
                _READY,
                kubeconfig=self._session.node.paths.admin_kubeconfig,
                server=self.url,
                authority=f"{kubernetes}/pki/ca.crt",
                seconds_given=seconds,
            ),
            seconds,
        )

    async def list_nodes(self, *, seconds: int = TIMEOUT) -> tuple[KubeNode, ...]:
        """All nodes, as this API server sees them."""
        return read_nodes(await self._get("nodes", seconds))

    async def list_kube_system_pods(self, *, seconds: int = TIMEOUT) -> tuple[KubePod, ...]:
        """The pods of the namespace kube-system."""
        return read_pods(await self._get("pods --namespace kube-system", seconds))

    async def list_placed_pods(self, *, seconds: int = TIMEOUT) -> tuple[PlacedPod, ...]:
        """The pods of all namespaces; a table, because their JSON would be very long."""
        words = ("get", "pods", "--all-namespaces", "--no-headers", "-o", _PLACED)
        return read_placed_pods(await self.kubectl(*words, seconds=seconds))

    async def read_backup_configuration(
        self, *, seconds: int = TIMEOUT
    ) -> Mapping[str, object] | None:
        """The platform's EtcdBackupConfiguration as it is stored; None where there is none."""
        what = f"{BACKUP_CONFIGURATION} {BACKUP_CONFIGURATION_NAME}"
        try:
            return await self._get(what, seconds)
        except KubernetesError as error:
            if "NotFound" in error.detail or "doesn't have a resource type" in error.detail:
                return None
            raise

    async def read_config_map(
        self, namespace: str, name: str, *, seconds: int = TIMEOUT
    ) -> Mapping[str, object]:
        """A config map as it is stored."""
        what = f"configmap {shlex.quote(name)} --namespace {shlex.quote(namespace)}"
        return await self._get(what, seconds)

    async def read_secret(self, namespace: str, name: str, *, seconds: int = TIMEOUT) -> str:
        """A secret as the API server gives it (JSON). Never to be logged or shown."""
        what = f"secret {shlex.quote(name)} --namespace {shlex.quote(namespace)}"
        return json.dumps(await self._get(what, seconds))

    async def kubectl(self, *words: str, seconds: int = TIMEOUT, stdin: bytes | None = None) -> str:
        """What kubectl answers to these words, given to it as they are.

        They show in the node's process list: what is secret belongs into `stdin`.
        """
        text = script(
            _KUBECTL.replace("@WORDS@", shlex.join(words)),
            kubeconfig=self._session.node.paths.admin_kubeconfig,
            server=self.url,
            seconds_given=seconds,
        )
        return await self._run(text, seconds, stdin)

    async def _get(self, what: str, seconds: int) -> Mapping[str, object]:
        text = await self._run(
            script(
                _GET.replace("@WHAT@", what),
                kubeconfig=self._session.node.paths.admin_kubeconfig,
                server=self.url,
                seconds_given=seconds,
            ),
            seconds,
        )
        try:
            document = json.loads(text)
        except ValueError as error:
            raise KubernetesError(
                "kubectl did not answer in JSON", where=self.name, detail=text[:2000]
            ) from error
        if not isinstance(document, dict):
            raise KubernetesError("kubectl answered with something else", where=self.name)
        return document

    async def _run(self, text: str, seconds: int, stdin: bytes | None = None) -> str:
        try:
            result = await self._session.run(text, timeout=seconds + 10, stdin=stdin)
        except NodeUnreachableError:
            raise
        except ScriptError as error:
            raise KubernetesError(
                "kubectl does not come back", where=self.name, detail=error.detail
            ) from error
        if result.truncated:
            raise KubernetesError("the answer is too long to be read", where=self.name)
        if not result.succeeded:
            raise self._trouble(result, seconds)
        return result.stdout

    def _trouble(self, result: ScriptResult, seconds: int) -> KubernetesError:
        said = f"{result.stderr}\n{result.stdout}".strip()
        return explain(self.name, result.exit_status, said, seconds)
