"""Small stand-ins for the programs of a node that a test machine does not have."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from recovery.inventory.model import NodePaths
from tests.cluster.etcd_members import RealMember


def program(directory: Path, name: str, body: str) -> None:
    """An executable shell script."""
    path = directory / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def container(name: str, state: str = "CONTAINER_RUNNING", attempt: int = 0) -> dict[str, object]:
    """One entry of crictl's JSON."""
    return {
        "id": f"{name}-{attempt}",
        "metadata": {"name": name, "attempt": attempt},
        "state": state,
        "labels": {"io.kubernetes.pod.namespace": "kube-system"},
    }


def furnish(
    directory: Path,
    member: RealMember,
    initial_cluster: str,
    *,
    kubelet: str = "active",
    port: int = 6443,
) -> NodePaths:
    """A node's programs and manifests below `directory`, around a real member."""
    status = 0 if kubelet == "active" else 3
    program(
        directory,
        "systemctl",
        f'[ "$*" = "is-active kubelet" ] || exit 64\necho {kubelet}\nexit {status}',
    )
    listing = json.dumps({"containers": [container("etcd"), container("kube-apiserver")]})
    program(directory, "crictl", f"cat <<'END'\n{listing}\nEND")
    program(directory, "hostname", f"echo {member.name}")
    program(directory, "kubectl", "echo ok")
    manifests = directory / "manifests"
    manifests.mkdir()
    (manifests / "etcd.yaml").write_text(member.manifest_text(initial_cluster))
    (manifests / "kube-apiserver.yaml").write_text(
        "spec:\n  containers:\n  - name: kube-apiserver\n    command:\n    - kube-apiserver\n"
        f"    - --advertise-address={member.address}\n    - --secure-port={port}\n"
    )
    return NodePaths(
        manifests=str(manifests),
        data_dir=str(member.data_dir),
        containerd=str(directory / "containerd"),
        kubernetes=str(directory),
        work=str(directory / "work" / "deep"),
    )
