"""A plan with the shape of a real one; its scripts are short and never change."""

from __future__ import annotations

from recovery.restore.plan import (
    Action,
    Gate,
    ManifestEdit,
    NodeWork,
    Plan,
    RestoreSource,
    Risk,
    Step,
)

NODES = ("etcd-1", "etcd-2", "etcd-3")
_READ, _CHANGE, _DESTROY = Risk.READ, Risk.CHANGE, Risk.DESTROY


def canned_plan(snapshot: str, cluster: str) -> Plan:
    """Eleven steps, three gates."""
    return Plan(
        run_id="20261122T140200Z-7f3a",
        cluster=cluster,
        source=RestoreSource(
            snapshot,
            f"etcd-1:/cpaas/backup/{snapshot}",
            "8a4177e0c5d2f19b" * 4,
            212 * 1024 * 1024,
            True,
            182334,
            "2026-11-22T00:00:00Z",
        ),
        nodes=NODES,
        steps=_steps(),
        gates=_gates(snapshot),
        manifest_edits=(
            ManifestEdit(
                "etcd-1",
                "/etc/kubernetes/manifests/etcd.yaml",
                "    - --name=etcd-1\n    - --initial-cluster-state=new\n    - --data-dir=/x\n",
                "    - --name=etcd-1\n    - --initial-cluster-state=existing\n"
                "    - --data-dir=/x\n",
            ),
        ),
        warnings=("etcd-3's clock is 4.2 s ahead",),
        revision_bump=1_000_000_000,
    )


def _gates(snapshot: str) -> tuple[Gate, ...]:
    return (
        Gate(
            "stage",
            "write to the nodes' staging directories",
            _CHANGE,
            ("stage", "restore"),
            stops="nothing: the cluster is not touched yet",
            keeps="everything; new files go to /root/etcd-rescue/20261122T140200Z-7f3a",
            undo="remove that directory",
        ),
        Gate(
            "replace",
            "the API goes down now",
            _DESTROY,
            ("stop", "set-aside", "manifest", "place", "start"),
            stops="kubelet, etcd, kube-apiserver, scheduler, controller-manager",
            replaces=f"/var/lib/etcd/member by the snapshot {snapshot}",
            keeps="the old data in /var/lib/etcd/.etcd-rescue-7f3a/aside, on every node",
            loses="everything written since 2026-11-22 00:00 (revision 182334)",
            undo="the old data is renamed back, and etcd.yaml with it",
        ),
        Gate(
            "kubelets",
            "restart kubelet on every node",
            _CHANGE,
            ("kubelets",),
            stops="kubelet on 4 nodes for a few seconds; containers go on",
            keeps="running containers",
            undo="none is needed",
        ),
    )


def _steps() -> tuple[Step, ...]:
    return (
        _step(
            "preflight", "preflight", "Every node is asked once more whether it is as planned.", "",
            "Nothing was written.",
            _action("recheck", "check the manifest, the space and the tools again", _READ,
                    "sha256sum /etc/kubernetes/manifests/etcd.yaml"),
        ),
        _step(
            "stage", "stage the snapshot",
            "The snapshot is copied to every node and checked there.", "2",
            "The cluster is untouched; only the run's own directories were written.",
            _action("make-directories", "make the run's directories", _CHANGE,
                    "mkdir -p /root/etcd-rescue/7f3a/bin"),
            _action("deliver-snapshot", "copy the snapshot to the node and check it there",
                    _CHANGE, "scp snapshot.db node:/root/etcd-rescue/7f3a/snapshot.db"),
            _action("stage-tool", "copy the restore program out of the container image", _CHANGE,
                    "cp /var/lib/containerd/etcdutl /root/etcd-rescue/7f3a/bin/etcdutl"),
        ),
        _step(
            "restore", "restore members",
            "Each node makes its new member from the snapshot, beside the old data.", "3",
            "The cluster is untouched; the new members wait in staging.",
            _action("restore-member", "restore the member into staging", _CHANGE,
                    "etcdutl snapshot restore snapshot.db --name {node}"),
        ),
        _step(
            "stop", "stop the control plane",
            "kubelet, etcd and the control plane are stopped on every node.", "1",
            "No data has moved. To go back, start kubelet on every node.",
            _action("stop-kubelet", "stop kubelet", _DESTROY, "systemctl stop kubelet",
                    undo="systemctl start kubelet"),
            _action("stop-etcd", "stop etcd", _DESTROY, "crictl rm -f 5f1c0e62b9d4"),
            _action("ports-free", "see etcd's ports free", _READ, "true"),
        ),
        _step(
            "set-aside", "set old data aside",
            "The old data is renamed aside on every node; nothing is deleted.", "1",
            "The old data lies in .etcd-rescue-7f3a/aside on every node, whole.",
            _action("set-data-aside", "rename the old data aside", _DESTROY,
                    "mv /var/lib/etcd/member /var/lib/etcd/.etcd-rescue-7f3a/aside/member",
                    undo="mv /var/lib/etcd/.etcd-rescue-7f3a/aside/member /var/lib/etcd/member"),
        ),
        _step(
            "manifest", "edit etcd.yaml",
            "etcd.yaml is told that the cluster exists, so that no member starts an empty one.",
            "1", "The old etcd.yaml is kept in the run's directory.",
            _action("edit-manifest", "set --initial-cluster-state=existing in etcd.yaml", _CHANGE,
                    "mv etcd.yaml.new /etc/kubernetes/manifests/etcd.yaml",
                    undo="mv etcd.yaml.old /etc/kubernetes/manifests/etcd.yaml"),
        ),
        _step(
            "place", "put new data in place",
            "The restored member is renamed into the data directory on every node.", "4",
            "The new data is in place and the old data is kept beside it.",
            _action("place-member", "rename the restored member into the data directory", _DESTROY,
                    "mv /var/lib/etcd/.etcd-rescue-7f3a/new/member /var/lib/etcd/member",
                    undo="mv /var/lib/etcd/member /var/lib/etcd/.etcd-rescue-7f3a/back/member"),
        ),
        _step(
            "start", "start",
            "kubelet starts etcd and the control plane again from the restored data.", "5",
            "The cluster runs on the restored data.",
            _action("start-kubelet", "start kubelet", _CHANGE, "systemctl start kubelet"),
            _action("etcd-formed", "see etcd form", _READ, "etcdctl endpoint health"),
        ),
        _step(
            "verify", "verify the members",
            "The members are compared with each other and with the snapshot.", "6",
            "etcd is proven; the Kubernetes side follows.",
            _action("members-agree", "compare the members", _READ, "etcdctl endpoint hashkv"),
        ),
        _step(
            "kubelets", "restart kubelets",
            "kubelet is restarted on every node; running containers are left alone.", "6",
            "Every kubelet reads from the restored cluster.",
            _action("restart-kubelet", "restart kubelet", _CHANGE, "systemctl restart kubelet",
                    nodes=(*NODES, "worker-1")),
        ),
        _step(
            "prove", "prove", "Every check of the health screen is made until it holds.", "6",
            "The cluster is healthy.",
            _action("prove-health", "prove that the cluster is healthy", _READ, "true"),
        ),
    )  # fmt: skip


def _step(
    step_id: str, title: str, purpose: str, documented: str, safe: str, *actions: Action
) -> Step:
    return Step(step_id, title, purpose, documented, actions, safe)


def _action(
    action_id: str,
    title: str,
    risk: Risk,
    command: str,
    *,
    nodes: tuple[str, ...] = NODES,
    undo: str | None = None,
) -> Action:
    works = tuple(
        NodeWork(
            node,
            f"set -eu\n# {title}\nrun {command.replace('{node}', node)}\n",
            probe="test -e /root/etcd-rescue/7f3a/done",
            undo=undo,
        )
        for node in nodes
    )
    return Action(action_id, title, "It must be so before the next action begins.", risk, works)
