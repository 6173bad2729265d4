"""What kubeadm leaves on a control-plane node, for a cluster of one."""

from __future__ import annotations

import base64
from pathlib import Path

from recovery.rehearsal.node.layout import NodeLayout
from tests.cluster.etcd_members import Authority
from tests.rehearsal_node.hosts import write_manifest


def furnish(layout: NodeLayout) -> None:
    """Certificates, admin.conf, and the manifests of etcd and the API server."""
    etcd, kubernetes = Authority.make(), Authority.make()
    pki = layout.pki
    for authority, directory in ((etcd, pki / "etcd"), (kubernetes, pki)):
        (directory / "ca.crt").write_bytes(authority.pem)
    _issue(etcd, layout, pki / "etcd/server")
    _issue(etcd, layout, pki / "apiserver-etcd-client")
    _issue(kubernetes, layout, pki / "apiserver")
    _write_kubeconfig(layout, kubernetes)
    peer, client = f"https://{layout.address}:2380", f"https://{layout.address}:2379"
    etcd_flags = {
        "name": layout.name,
        "data-dir": layout.data_dir,
        "initial-cluster": f"{layout.name}={peer}",
        "initial-advertise-peer-urls": peer,
        "listen-peer-urls": peer,
        "advertise-client-urls": client,
        "listen-client-urls": client,
        "client-cert-auth": "true",
        "cert-file": pki / "etcd/server.crt",
        "key-file": pki / "etcd/server.key",
        "trusted-ca-file": pki / "etcd/ca.crt",
        "peer-client-cert-auth": "true",
        "peer-cert-file": pki / "etcd/server.crt",
        "peer-key-file": pki / "etcd/server.key",
        "peer-trusted-ca-file": pki / "etcd/ca.crt",
    }
    api_server_flags = {
        "advertise-address": layout.address,
        "secure-port": 6443,
        "allow-privileged": "true",
        "client-ca-file": pki / "ca.crt",
        "etcd-servers": client,
        "etcd-cafile": pki / "etcd/ca.crt",
        "etcd-certfile": pki / "apiserver-etcd-client.crt",
        "etcd-keyfile": pki / "apiserver-etcd-client.key",
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
    }
    for program, flags in (("etcd", etcd_flags), ("kube-apiserver", api_server_flags)):
        words = [f"--{name}={value}" for name, value in flags.items()]
        write_manifest(layout, program, words, {})


def _issue(authority: Authority, layout: NodeLayout, path: Path) -> None:
    certificate, key = authority.issue(layout.name, layout.address)
    path.with_suffix(".crt").write_bytes(certificate)
    path.with_suffix(".key").touch(mode=0o600)
    path.with_suffix(".key").write_bytes(key)


def _write_kubeconfig(layout: NodeLayout, authority: Authority) -> None:
    certificate, key = authority.issue("kubernetes-admin", layout.address)

    def inline(content: bytes) -> str:
        return base64.b64encode(content).decode()

    layout.admin_kubeconfig.write_text(
        f"""apiVersion: v1
kind: Config
clusters:
- name: kubernetes
  cluster:
    server: https://{layout.address}:6443
    certificate-authority-data: {inline(authority.pem)}
users:
- name: kubernetes-admin
  user:
    client-certificate-data: {inline(certificate)}
    client-key-data: {inline(key)}
"""
    )
