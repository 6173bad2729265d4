"""What kubectl and curl complain about, in words for a person."""

from __future__ import annotations

import re

from recovery.errors import KubernetesError

_NOT_READY = re.compile(r"^\[-\]([\w/-]+) failed", re.MULTILINE)

_EXPLANATIONS: tuple[tuple[str, str, str], ...] = (
    (
        "is not on the PATH",
        "kubectl is not on this node's PATH",
        "install kubectl there, or link it into /usr/local/bin",
    ),
    (
        "neither kubectl nor curl",
        "neither kubectl nor curl is on this node's PATH",
        "install kubectl there, or link it into /usr/local/bin",
    ),
    (
        "no such file or directory",
        "the administrator's kubeconfig is missing",
        "put admin.conf back, or set paths.kubernetes in the inventory",
    ),
    (
        "refused",
        "it does not accept connections",
        "see whether kube-apiserver runs, and its log: crictl ps -a, crictl logs",
    ),
    (
        "certificate has expired",
        "a certificate has expired",
        "renew the certificates on the node: kubeadm certs renew all",
    ),
    (
        "x509:",
        "its certificate is not trusted",
        "compare the certificates in the node's pki directory with admin.conf",
    ),
    (
        "forbidden",
        "it refuses the administrator's kubeconfig",
        "compare admin.conf with the one on another control-plane node",
    ),
    (
        "unauthorized",
        "it refuses the administrator's kubeconfig",
        "compare admin.conf with the one on another control-plane node",
    ),
    (
        "i/o timeout",
        "it does not answer",
        "see whether kube-apiserver runs, and its log: crictl ps -a, crictl logs",
    ),
)


def explain(node: str, exit_status: int | None, said: str, seconds: int) -> KubernetesError:
    """An error from a command's exit status (None: unknown) and everything it said."""
    failing = _NOT_READY.findall(said)
    if failing:
        return KubernetesError(
            f"not ready: {', '.join(failing[:3])}",
            where=node,
            remedy="wait; if it stays so, see its log: crictl logs on kube-apiserver",
            detail=said,
        )
    if exit_status is None:
        return KubernetesError(
            "the connection to the node was lost", where=node, remedy="ask again", detail=said
        )
    if exit_status in (28, 124):  # curl's and timeout's own statuses
        return KubernetesError(
            f"no answer within {seconds} s",
            where=node,
            remedy="wait; an API server whose etcd has just come back may take a minute",
            detail=said,
        )
    for part, what, remedy in _EXPLANATIONS:
        if part.lower() in said.lower():
            return KubernetesError(what, where=node, remedy=remedy, detail=said)
    return KubernetesError(
        f"the question failed with status {exit_status}",
        where=node,
        remedy="see what it said",
        detail=said,
    )
