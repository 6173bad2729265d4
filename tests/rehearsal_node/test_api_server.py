"""The API server's stand-in, before a real etcd, asked with the node's own kubectl."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import ssl
from collections.abc import Mapping

import pytest

from recovery.rehearsal.node.etcd_gateway import EtcdGateway, GatewayError
from recovery.rehearsal.node.stored_objects import encode_builtin, encode_custom
from tests.rehearsal_node.hosts import Host, Said, until

_BACKUP_KEY = "/registry/enhancement.cluster.alauda.io/etcdbackupconfigurations/daily"
_BACKUP_PATH = "/apis/enhancement.cluster.alauda.io/v1/etcdbackupconfigurations"


@pytest.fixture
async def cluster(control_plane: Host) -> Host:
    """One node that is up: its API server is ready, and a few objects are stored."""
    await until(lambda: _ready(control_plane))
    await _store(
        control_plane,
        {
            "/registry/minions/etcd-1": _builtin("Node", {"name": "etcd-1"}),
            "/registry/minions/worker-1": _builtin("Node", {"name": "worker-1"}),
            "/registry/pods/kube-system/etcd-etcd-1": _builtin(
                "Pod", {"name": "etcd-etcd-1", "namespace": "kube-system"}
            ),
            "/registry/pods/default/web": _builtin("Pod", {"name": "web", "namespace": "default"}),
            "/registry/secrets/cpaas-system/s3": _builtin(
                "Secret", {"name": "s3", "namespace": "cpaas-system"}
            ),
            _BACKUP_KEY: encode_custom({"metadata": {"name": "daily"}, "spec": {"paused": True}}),
        },
    )
    return control_plane


async def test_it_is_ready_once_its_etcd_answers(cluster: Host) -> None:
    assert await cluster.ok("kubectl get --raw /readyz") == "ok"
    assert (await cluster.ok("kubectl version")).count("v1.") == 2


async def test_a_verbose_readyz_names_its_checks(cluster: Host) -> None:
    assert "[+]etcd ok" in await cluster.ok("kubectl get --raw '/readyz?verbose'")


async def test_objects_in_etcd_are_listed(cluster: Host) -> None:
    nodes = await cluster.json("kubectl get nodes -o json")
    assert [item["metadata"]["name"] for item in nodes["items"]] == ["etcd-1", "worker-1"]
    assert await cluster.ok("kubectl get pods -o name") == "pod/web\n"
    everywhere = await cluster.json("kubectl get pods -A -o json")
    assert len(everywhere["items"]) >= 2
    secret = await cluster.json("kubectl get secret s3 -n cpaas-system -o json")
    assert secret["metadata"]["name"] == "s3"
    found = await cluster.json("kubectl get ebc daily -o json")
    assert found["spec"] == {"paused": True}
    assert (await cluster.json(f"kubectl get --raw {_BACKUP_PATH}"))["items"][0] == found


async def test_what_is_not_there_is_not_found(cluster: Host) -> None:
    said = await cluster.run("kubectl get pod nobody")
    assert said.status == 1
    assert said.err == 'Error from server (NotFound): pods "nobody" not found\n'


async def test_a_node_is_ready_while_its_kubelet_reports(cluster: Host) -> None:
    await until(lambda: _node_status(cluster, "etcd-1", "True"))
    assert await _node_status(cluster, "worker-1", "Unknown")
    await cluster.ok("systemctl stop kubelet")
    await until(lambda: _node_status(cluster, "etcd-1", "Unknown"))


async def test_a_static_pod_is_ready_while_its_container_runs(cluster: Host) -> None:
    await until(lambda: _etcd_pod_ready(cluster))


async def test_without_etcd_it_is_not_ready_and_answers_from_what_it_has_read(
    cluster: Host,
) -> None:
    await cluster.ok("kubectl get nodes")
    await cluster.ok("systemctl stop kubelet")
    await cluster.ok(f"crictl stop {await cluster.running('etcd')}")
    said = await cluster.run("kubectl get --raw /readyz")
    assert said.status == 1
    assert "[-]etcd failed" in said.out + said.err
    nodes = await cluster.json("kubectl get nodes -o json")
    assert len(nodes["items"]) == 2
    node = await cluster.json("kubectl get node worker-1 -o json")
    assert node["metadata"]["name"] == "worker-1"
    assert (await cluster.run("kubectl get secrets -A")).status == 1


async def test_without_an_api_server_the_connection_is_refused(control_plane: Host) -> None:
    await control_plane.node.stop_kubelet()
    await control_plane.node.kill_container("kube-apiserver")
    said = await control_plane.run("kubectl get nodes")
    address = control_plane.layout.address
    assert said == Said(
        1,
        "",
        f"The connection to the server {address}:6443 was refused"
        " - did you specify the right host or port?\n",
    )


async def test_until_its_etcd_answers_it_refuses_connections(control_plane: Host) -> None:
    await control_plane.node.stop_kubelet()
    for name in ("etcd", "kube-apiserver"):
        for container in await control_plane.ids(name, "-a"):
            await control_plane.ok(f"crictl rm -f {container}")
    (control_plane.layout.manifests / "etcd.yaml").unlink()
    await control_plane.ok("systemctl start kubelet")
    await control_plane.running("kube-apiserver")
    said = await control_plane.run("kubectl --request-timeout 5s get --raw /livez")
    assert "was refused" in said.err


async def test_health_is_open_to_everybody_and_the_rest_is_not(cluster: Host) -> None:
    assert await _anonymous(cluster, "/readyz") == (200, b"ok")
    status, body = await _anonymous(cluster, "/api/v1/nodes")
    assert status == 403
    assert json.loads(body)["reason"] == "Forbidden"


async def test_a_certificate_of_another_authority_is_refused(cluster: Host) -> None:
    client = cluster.layout.pki / "etcd/server"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await _anonymous(cluster, "/api/v1/nodes", str(client))


async def test_a_value_that_cannot_be_read_is_an_error_of_its_own(cluster: Host) -> None:
    await _store(cluster, {"/registry/configmaps/default/odd": b"k8s:enc:aescbc:v1:key1:\x00"})
    said = await cluster.run("kubectl get cm -n default")
    assert said.status == 1
    assert said.err.startswith("Error from server (InternalError)")


async def test_a_wrong_kubeconfig_is_named(cluster: Host) -> None:
    said = await cluster.run("kubectl --kubeconfig /nowhere/admin.conf get nodes")
    assert said.status == 1
    assert "/nowhere/admin.conf" in said.err


async def test_kubectl_reads_the_kubeconfig_that_the_environment_names(cluster: Host) -> None:
    said = await cluster.run("KUBECONFIG=/nowhere/admin.conf kubectl get nodes")
    assert said.status == 1
    await cluster.ok(f"cp {cluster.layout.admin_kubeconfig} ./here.conf")
    await cluster.ok("kubectl --kubeconfig here.conf get nodes")


async def _ready(host: Host) -> bool:
    return (await host.run("kubectl get --raw /readyz")).status == 0


async def _node_status(host: Host, name: str, wanted: str) -> bool:
    node = await host.json(f"kubectl get node {name} -o json")
    statuses = [c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"]
    return bool(statuses == [wanted])


async def _etcd_pod_ready(host: Host) -> bool:
    table = await host.ok("kubectl get pods -n kube-system --no-headers")
    return any(line.split()[:3] == ["etcd-etcd-1", "1/1", "Running"] for line in table.splitlines())


def _builtin(kind: str, metadata: Mapping[str, object]) -> bytes:
    return encode_builtin("v1", kind, {"kind": kind, "apiVersion": "v1", "metadata": metadata})


async def _store(host: Host, values: Mapping[str, bytes]) -> None:
    pki = host.layout.pki
    gateway = EtcdGateway(
        f"https://{host.layout.address}:2379",
        str(pki / "etcd/ca.crt"),
        str(pki / "etcd/server.crt"),
        str(pki / "etcd/server.key"),
    )
    operations = [
        {"requestPut": {"key": _b64(k.encode()), "value": _b64(values[k])}} for k in values
    ]
    try:
        await asyncio.to_thread(gateway.call, "/v3/kv/txn", {"success": operations})
    except GatewayError as error:
        raise AssertionError(f"etcd took nothing: {error}") from error


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def _anonymous(host: Host, path: str, client: str | None = None) -> tuple[int, bytes]:
    """Ask without a certificate of the cluster's, or with one of another authority."""

    def ask() -> tuple[int, bytes]:
        tls = ssl.create_default_context(cafile=str(host.layout.pki / "ca.crt"))
        if client:
            tls.load_cert_chain(f"{client}.crt", f"{client}.key")
        connection = http.client.HTTPSConnection(host.layout.address, 6443, timeout=10, context=tls)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    return await asyncio.to_thread(ask)
