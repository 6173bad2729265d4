"""kubeadm's static pod manifests for one rehearsal node."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.cluster.facts import Version
from recovery.rehearsal.node.layout import NodeLayout


def write_manifests(layout: NodeLayout, members: Sequence[NodeLayout], version: Version) -> None:
    """etcd.yaml and the control plane's. `members`: this node and those that joined before it.

    As with kubeadm, the first node lists only itself and says nothing of the cluster's state; the
    later ones say `existing`.
    """
    state = "existing" if len(members) > 1 else None
    texts = {
        "etcd.yaml": etcd_manifest(layout, members, version, state),
        "kube-apiserver.yaml": _api_server(layout),
        "kube-scheduler.yaml": _idle(layout, "kube-scheduler"),
        "kube-controller-manager.yaml": _idle(layout, "kube-controller-manager"),
    }
    for name, text in texts.items():
        path = layout.manifests / name
        path.touch(mode=0o600)
        path.write_text(text)


def etcd_manifest(
    layout: NodeLayout, members: Sequence[NodeLayout], version: Version, state: str | None
) -> str:
    """etcd.yaml as kubeadm writes it, with this node's own paths and address."""
    address, etcd = layout.address, layout.pki / "etcd"
    initial = ",".join(f"{member.name}=https://{member.address}:2380" for member in members)
    state_flag = f"    - --initial-cluster-state={state}\n" if state else ""
    # The later options are named as etcd 3.4 knows them too.
    return f"""apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/etcd.advertise-client-urls: https://{address}:2379
  labels:
    component: etcd
    tier: control-plane
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
    - etcd
    - --advertise-client-urls=https://{address}:2379
    - --cert-file={etcd}/server.crt
    - --client-cert-auth=true
    - --data-dir={layout.data_dir}
    - --experimental-initial-corrupt-check=true
    - --initial-advertise-peer-urls=https://{address}:2380
    - --initial-cluster={initial}
{state_flag}    - --key-file={etcd}/server.key
    - --listen-client-urls=https://{address}:2379
    - --listen-metrics-urls=http://{address}:2381
    - --listen-peer-urls=https://{address}:2380
    - --name={layout.name}
    - --peer-cert-file={etcd}/peer.crt
    - --peer-client-cert-auth=true
    - --peer-key-file={etcd}/peer.key
    - --peer-trusted-ca-file={etcd}/ca.crt
    - --snapshot-count=10000
    - --trusted-ca-file={etcd}/ca.crt
    image: registry.k8s.io/etcd:{version}-0
    imagePullPolicy: IfNotPresent
    livenessProbe:
      failureThreshold: 8
      httpGet:
        host: {address}
        path: /health
        port: 2381
        scheme: HTTP
      initialDelaySeconds: 10
      periodSeconds: 10
      timeoutSeconds: 15
    name: etcd
    resources:
      requests:
        cpu: 100m
        memory: 100Mi
    volumeMounts:
    - mountPath: {layout.data_dir}
      name: etcd-data
    - mountPath: {etcd}
      name: etcd-certs
  hostNetwork: true
  priorityClassName: system-node-critical
  securityContext:
    seccompProfile:
      type: RuntimeDefault
  volumes:
  - hostPath:
      path: {etcd}
      type: DirectoryOrCreate
    name: etcd-certs
  - hostPath:
      path: {layout.data_dir}
      type: DirectoryOrCreate
    name: etcd-data
status: {{}}
"""


def _api_server(layout: NodeLayout) -> str:
    address, pki = layout.address, layout.pki
    return f"""apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: {address}:6443
  labels:
    component: kube-apiserver
    tier: control-plane
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address={address}
    - --allow-privileged=true
    - --authorization-mode=Node,RBAC
    - --bind-address={address}
    - --client-ca-file={pki}/ca.crt
    - --etcd-cafile={pki}/etcd/ca.crt
    - --etcd-certfile={pki}/apiserver-etcd-client.crt
    - --etcd-keyfile={pki}/apiserver-etcd-client.key
    - --etcd-servers=https://{address}:2379
    - --secure-port=6443
    - --service-cluster-ip-range=10.96.0.0/12
    - --tls-cert-file={pki}/apiserver.crt
    - --tls-private-key-file={pki}/apiserver.key
    image: registry.k8s.io/kube-apiserver:v1.31.0
    imagePullPolicy: IfNotPresent
    name: kube-apiserver
    volumeMounts:
    - mountPath: {pki}
      name: k8s-certs
      readOnly: true
  hostNetwork: true
  volumes:
  - hostPath:
      path: {pki}
      type: DirectoryOrCreate
    name: k8s-certs
status: {{}}
"""


def _idle(layout: NodeLayout, name: str) -> str:
    return f"""apiVersion: v1
kind: Pod
metadata:
  labels:
    component: {name}
    tier: control-plane
  name: {name}
  namespace: kube-system
spec:
  containers:
  - command:
    - {name}
    - --bind-address={layout.address}
    - --kubeconfig={layout.kubernetes}/{name.removeprefix("kube-")}.conf
    - --leader-elect=true
    image: registry.k8s.io/{name}:v1.31.0
    imagePullPolicy: IfNotPresent
    name: {name}
  hostNetwork: true
status: {{}}
"""
