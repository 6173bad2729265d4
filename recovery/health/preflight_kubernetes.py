"""Preflight of the Kubernetes side: what can be proven afterwards, and encryption at rest. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from recovery.cluster.encryption_at_rest import EncryptionFacts
from recovery.cluster.facts import ClusterFacts
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus, OwnYes
from recovery.health.verdicts import failed, ok, skipped, warned
from recovery.snapshots.model import SnapshotContents

KEY_LOST = OwnYes("--encryption-key-is-lost", "A key of the snapshot is lost", "the key is lost")
"""Some want what can still be read, whatever else is lost."""


def kubernetes_checks(facts: ClusterFacts, contents: SnapshotContents) -> Iterator[Check]:
    """Whether nodes and pods can be asked about, and whether the restored values can be read."""
    yield _access(facts)
    yield _encryption(facts, contents)


def _access(facts: ClusterFacts) -> Check:
    name = "access to Kubernetes"
    known = {n: f.surroundings for n, f in facts.nodes.items() if f.surroundings is not None}
    able = [n for n, s in known.items() if s.has_admin_kubeconfig and "kubectl" in s.programs]
    if able:
        return ok(name, CLUSTER_SCOPE, f"through {', '.join(able)}")
    if not known:
        return skipped(name, CLUSTER_SCOPE, "not known", "see on a node: kubectl, admin.conf")
    without = [
        words
        for words, there in (
            ("kubectl", any("kubectl" in one.programs for one in known.values())),
            ("admin.conf", any(one.has_admin_kubeconfig for one in known.values())),
        )
        if not there
    ]
    return warned(
        name,
        CLUSTER_SCOPE,
        f"no control-plane node has {' or '.join(without) or 'both kubectl and admin.conf'}",
        "etcd can be restored and proven; nodes and pods cannot be asked about afterwards.",
        "put kubectl on one of them; admin.conf is made by: kubeadm init phase kubeconfig admin",
    )


def _encryption(facts: ClusterFacts, contents: SnapshotContents) -> Check:
    name = "encryption at rest"
    known = {
        node: one.encryption
        for node, one in facts.nodes.items()
        if one.encryption is not None and one.encryption.api_server_known
    }
    unknown = sorted(facts.nodes.keys() - known.keys())
    used = sorted({one.key for one in contents.encryption})
    lost = [key for key in used if not any(key in one.key_names for one in known.values())]
    # What a node does not tell, it may have.
    lost = lost if known and not unknown else []
    needed = [key for key in used if key not in lost]
    wrong = [f"{node}: {words}" for node, one in known.items() if (words := _missing(one, needed))]
    if wrong:
        return failed(
            name,
            CLUSTER_SCOPE,
            "; ".join(wrong),
            _needs(contents)
            if used
            else "An API server whose configuration file is missing does not start.",
            "put the file of --encryption-provider-config back on that node, from another one or "
            "from the time of the snapshot. If its keys are lost for good: give every API server "
            "a file without them, or none, and check again; the question is another one then"
            if used
            else "put the file back on that node, or take the flag away",
        )
    if lost:
        return _key_lost(contents, lost)
    different = _different(known)
    if different:
        # What the snapshot needs is there: this is as it was before, or a rotation under way.
        return Check(
            name,
            CLUSTER_SCOPE,
            CheckStatus.WARNING,
            f"the configuration differs between nodes: {different}",
            "Where it is more than a comment, what one API server writes another may not read.",
            "find out which file is right, and copy it to the others",
            must_be_acknowledged=True,
        )
    if unknown and (used or any(one.path for one in known.values()) or not known):
        return skipped(
            name,
            CLUSTER_SCOPE,
            f"not known on {', '.join(unknown)}, where no kube-apiserver.yaml could be read",
            "see that --encryption-provider-config and its file are on every node, and the same",
        )
    if used:
        return ok(
            name,
            CLUSTER_SCOPE,
            f"the snapshot's keys are configured on every node: {', '.join(used)}",
            "That the secrets behind these names are the same cannot be seen from here.",
        )
    if any(one.path for one in known.values()):
        return ok(name, CLUSTER_SCOPE, "configured, the same everywhere; the snapshot needs no key")
    return ok(name, CLUSTER_SCOPE, "not used here or in the file")


def _key_lost(contents: SnapshotContents, lost: list[str]) -> Check:
    """The API servers can start, and nobody can read those values any more."""
    count = sum(one.count for one in contents.encryption if one.key in lost)
    return Check(
        "encryption at rest",
        CLUSTER_SCOPE,
        CheckStatus.WARNING,
        f"no control-plane node has the key {', '.join(lost)}: {count} values of the snapshot "
        "cannot be read without it",
        "etcd comes back with all that is not encrypted. Those values (Secrets, as a rule) stay "
        "unreadable: API servers fail on every list that holds one, may never get ready, and the "
        "last proof may fail for it, until they are deleted from etcd and made anew.",
        "look for the key first: a copy of the file of --encryption-provider-config from the time "
        "of the snapshot, in a backup of a node's /etc/kubernetes",
        must_be_acknowledged=True,
        own_yes=KEY_LOST,
    )


def _missing(one: EncryptionFacts, used: list[str]) -> str:
    """What one node lacks to read values that were encrypted with these keys."""
    if one.path is None:
        return (
            "it has no --encryption-provider-config, and the snapshot is encrypted" if used else ""
        )
    if not one.present:
        return f"{one.path} is missing"
    if not one.readable:
        return f"{one.path} cannot be read"
    lacking = [key for key in used if key not in one.key_names]
    return f"it has no key named {', '.join(lacking)}" if lacking else ""


def _needs(contents: SnapshotContents) -> str:
    count = sum(one.count for one in contents.encryption)
    listed = ", ".join(f"{one.key} ({one.provider})" for one in contents.encryption)
    return f"{count} values of the snapshot can only be read with its keys: {listed}."


def _different(known: dict[str, EncryptionFacts]) -> str:
    groups: dict[str, list[str]] = {}
    for node, one in known.items():
        groups.setdefault(one.sha256 if one.path else "none", []).append(node)
    if len(groups) < 2:
        return ""
    return "; ".join(
        f"{', '.join(nodes)} {'has none' if digest == 'none' else digest[:8]}"
        for digest, nodes in groups.items()
    )
