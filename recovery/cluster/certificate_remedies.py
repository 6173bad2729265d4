"""What to do about a certificate that is missing, unusable or out of date. Pure."""

from __future__ import annotations

from datetime import datetime

from recovery.cluster.certificates import NodeCertificates, Role

KUBEADM = {
    Role.ETCD_SERVER: "etcd-server",
    Role.ETCD_PEER: "etcd-peer",
    Role.ETCD_HEALTHCHECK: "etcd-healthcheck-client",
    Role.API_SERVER: "apiserver",
    Role.API_SERVER_TO_ETCD: "apiserver-etcd-client",
    Role.ADMIN: "admin.conf",
}
"""As `kubeadm certs renew` calls them."""


def putting_back(role: Role, path: str) -> str:
    """What to do where a certificate is missing, or is none."""
    if role in (Role.ETCD_CA, Role.CLUSTER_CA):
        return f"copy {path} from another control-plane node"
    if role not in KUBEADM:
        return f"put {path} back"
    return f"put {path} back, or make it: kubeadm init phase certs {KUBEADM[role]}"


def renewing(role: Role) -> str:
    """What to do where one has expired, or will."""
    if role in (Role.ETCD_CA, Role.CLUSTER_CA):
        return "a CA is replaced by hand, with the platform's support; nothing else will help"
    if role is Role.KUBELET:
        return (
            "kubelet renews it itself while the API answers; once expired: kubeadm kubeconfig user "
            "--org system:nodes --client-name system:node:NAME > /etc/kubernetes/kubelet.conf"
        )
    return f"kubeadm certs renew {KUBEADM[role]}"


def unusable(role: Role, known: NodeCertificates, now: datetime) -> tuple[str, str] | None:
    """Why nothing can start with this certificate, and what to do; None where nothing is seen."""
    one = known.of(role)
    if one is not None:
        if one.not_after <= now:
            return f"{role.value} expired on {one.not_after:%Y-%m-%d}", renewing(role)
        return None
    for what, places in (("is no certificate", known.unreadable), ("is missing", known.missing)):
        path = dict(places).get(role)
        if path is not None:
            return f"{role.value} {what}: {path}", putting_back(role, path)
    return None
