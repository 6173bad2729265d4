"""API servers asked on their nodes, and their troubles in words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from recovery.cluster.kubernetes import ApiServer, api_server_url
from recovery.cluster.kubernetes_objects import read_nodes, read_pods
from recovery.cluster.kubernetes_trouble import explain
from recovery.cluster.manifest import read_manifest
from recovery.errors import KubernetesError
from recovery.inventory.model import NodePaths
from recovery.ssh.session import NodeSession
from tests.cluster.manifests import KUBEADM
from tests.cluster.node_programs import program
from tests.cluster.ssh_nodes import ssh_node


@asynccontextmanager
async def server(root: Path, kubectl: str) -> AsyncIterator[ApiServer]:
    program(root, "kubectl", kubectl)
    async with ssh_node("etcd-1", root, NodePaths()) as node:
        session = NodeSession(node)
        try:
            yield ApiServer(session, "https://10.0.0.11:6443")
        finally:
            await session.close()


async def test_a_nodes_own_api_server_is_asked_with_its_own_kubeconfig(tmp_path: Path) -> None:
    async with server(tmp_path, 'echo "$@" > "$HOME/asked"; echo ok') as api:
        await api.ready()
    asked = (tmp_path / "asked").read_text().strip()
    assert asked == (
        "--kubeconfig /etc/kubernetes/admin.conf --server https://10.0.0.11:6443 "
        "get --raw /readyz?verbose"
    )


async def test_the_backup_configuration_is_read_or_said_to_be_absent(tmp_path: Path) -> None:
    stored = {"spec": {"schedule": "0 0 * * *"}}
    async with server(tmp_path, f"echo '{json.dumps(stored)}'") as api:
        assert await api.read_backup_configuration() == stored
        program(tmp_path, "kubectl", "echo 'Error from server (NotFound): x' >&2; exit 1")
        assert await api.read_backup_configuration() is None
        program(tmp_path, "kubectl", "echo 'connection refused' >&2; exit 1")
        with pytest.raises(KubernetesError, match="does not accept connections"):
            await api.read_backup_configuration()
        program(tmp_path, "kubectl", "echo surprise")
        with pytest.raises(KubernetesError, match="JSON"):
            await api.read_backup_configuration()


@pytest.mark.parametrize(
    ("status", "said", "what"),
    [
        (1, "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/x failed: y", "etcd"),
        (124, "", "no answer within 10 s"),
        (127, "kubectl is not on the PATH", "kubectl is not on this node's PATH"),
        (1, "The connection to the server 10.0.0.11:6443 was refused", "accept connections"),
        (1, "tls: x509: certificate has expired or is not yet valid", "has expired"),
        (1, "error: stat /etc/kubernetes/admin.conf: no such file or directory", "kubeconfig"),
        (1, "Error from server (Forbidden): nodes is forbidden", "refuses"),
        (None, "", "connection to the node was lost"),
        (3, "?", "status 3"),
    ],
)
def test_trouble_is_told_in_words(status: int | None, said: str, what: str) -> None:
    error = explain("etcd-1", status, said, 10)
    assert what in error.what
    assert error.remedy


def test_the_address_is_the_one_that_the_certificate_names() -> None:
    manifest = read_manifest("etcd.yaml", KUBEADM, "600", "0:0")
    assert api_server_url(manifest, 6443) == "https://10.0.0.11:6443"
    assert api_server_url(manifest, 6443, "10.1.1.1") == "https://10.1.1.1:6443"
    assert api_server_url(manifest, 8443, "fd00::1") == "https://[fd00::1]:8443"


def test_nodes_and_pods_of_any_shape_are_read() -> None:
    assert read_nodes({"items": [{}, 3]})[0].ready is False
    assert read_pods({}) == ()
    condition = {"type": "Ready", "status": "False", "reason": "KubeletNotReady"}
    node = {"metadata": {"name": "a"}, "status": {"conditions": [condition]}}
    assert read_nodes({"items": [node]})[0].reason == "KubeletNotReady"
    done = {"metadata": {"name": "job"}, "status": {"phase": "Succeeded"}}
    assert read_pods({"items": [done]})[0].well
