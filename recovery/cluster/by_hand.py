"""Commands that a person may run by hand: with the exact ids, paths and flags of this cluster.

Nothing here is run by this program.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator

from recovery.cluster.etcd_target import client_target
from recovery.cluster.facts import ClusterFacts, Container, EtcdManifest, NodeCommand
from recovery.cluster.manifest_edit import set_flag
from recovery.cluster.pod_command import read_pod_command
from recovery.errors import ManifestError

ID_LENGTH = 13
"""As crictl prints ids."""


def etcdctl(facts: ClusterFacts, name: str) -> str | None:
    """`crictl exec … etcdctl …` for the running etcd of that node, whose image has etcdctl.

    None where no container of it is known to run, or its manifest says too little.
    """
    node = facts.nodes[name]
    container = running(node.containers, "etcd")
    if container is None or node.manifest is None:
        return None
    try:
        command = read_pod_command(node.manifest.text, "etcd", node.manifest.path)
        target = client_target(node.manifest)
    except ManifestError:
        return None
    scheme = "https" if target.tls_name else "http"
    host = target.tls_name or target.host
    words = ["crictl", "exec", container.id[:ID_LENGTH], "etcdctl"]
    words.append(f"--endpoints={scheme}://{f'[{host}]' if ':' in host else host}:{target.port}")
    # As the container sees them, which is where the command runs.
    for flag, own in (("cacert", "trusted-ca-file"), ("cert", "cert-file"), ("key", "key-file")):
        path = command.value(own)
        if path:
            words.append(f"--{flag}={path}")
    return shlex.join(words)


def running(containers: tuple[Container, ...], name: str) -> Container | None:
    """The running container of that name."""
    return next((one for one in containers if one.name == name and one.running), None)


def last_of(containers: tuple[Container, ...], name: str) -> Container | None:
    """The latest container of that name, whether it runs or not."""
    own = [container for container in containers if container.name == name]
    return max(own, key=lambda one: (one.running, one.attempt), default=None)


def replacing(facts: ClusterFacts, broken: str, helper: str) -> tuple[NodeCommand, ...]:
    """How to take a member out and let it join again, empty; () where too little is known.

    `helper` is a node whose member serves. The old data is renamed, not deleted.
    """
    node, through = facts.nodes.get(broken), etcdctl(facts, helper)
    if node is None or node.manifest is None or through is None or node.data_dir is None:
        return ()
    urls = node.manifest.initial_advertise_peer_urls
    known = {one.name: one for one in facts.agreement.listed} if facts.agreement else {}
    if not urls or (not known and broken not in facts.members):
        return ()
    return tuple(_replacing(facts, node.manifest, node.data_dir.path, broken, helper, through))


def _replacing(
    facts: ClusterFacts,
    manifest: EtcdManifest,
    data_dir: str,
    broken: str,
    helper: str,
    through: str,
) -> Iterator[NodeCommand]:
    aside = f"{manifest.path.rpartition('/')[0].rpartition('/')[0]}/etcd.yaml.aside"
    yield NodeCommand(
        broken,
        f"mv {shlex.quote(manifest.path)} {shlex.quote(aside)}\n"
        "while [ -n \"$(crictl ps -q --name '^etcd$')\" ]; do sleep 1; done",
        "stop its etcd",
    )
    member = _member_id(facts, broken)
    if member is not None:
        yield NodeCommand(helper, f"{through} member remove {member:x}", "take it out")
    stamp = f"{facts.gathered_at:%Y%m%d-%H%M%S}"
    old, kept = f"{data_dir}/member", f"{data_dir}/member.aside-{stamp}"
    yield NodeCommand(
        broken,
        f"if [ -e {shlex.quote(old)} ]; then mv {shlex.quote(old)} {shlex.quote(kept)}; fi",
        "keep its old data beside the new",
    )
    edit = _edit(facts, manifest, aside)
    if edit:
        yield NodeCommand(broken, edit, "have it join the members that there are")
    peers = ",".join(manifest.initial_advertise_peer_urls)
    added = shlex.join(["member", "add", manifest.member_name, f"--peer-urls={peers}"])
    yield NodeCommand(helper, f"{through} {added}", "let it in again")
    yield NodeCommand(
        broken,
        f"mv {shlex.quote(aside)} {shlex.quote(manifest.path)}",
        "start it; kubelet does so within seconds, and it fetches the data from the leader",
    )


def _member_id(facts: ClusterFacts, name: str) -> int | None:
    """The id under which the members that serve know it; None where they do not."""
    known = facts.agreement.listed if facts.agreement else ()
    for one in known:
        if one.name == name:
            return one.id
    status = facts.members.get(name)
    return status.id if status is not None and not known else None


def _edit(facts: ClusterFacts, manifest: EtcdManifest, path: str) -> str:
    """A sed command that names all members in the manifest; empty where it does so already."""
    urls = {one.name: one.peer_urls for one in facts.agreement.listed} if facts.agreement else {}
    for node in facts.nodes.values():
        if node.manifest is not None:
            urls.setdefault(node.manifest.member_name, node.manifest.initial_advertise_peer_urls)
    urls[manifest.member_name] = manifest.initial_advertise_peer_urls
    cluster = ",".join(f"{name}={url}" for name, all_of in urls.items() if name for url in all_of)
    try:
        edited = set_flag(manifest.text, "initial-cluster", cluster)
        edited = set_flag(edited, "initial-cluster-state", "existing")
    except ManifestError:
        return ""
    return sed_between(manifest.text, edited, manifest.sha256, path)


def sed_between(before: str, after: str, sha256: str, path: str) -> str:
    """The sed command that makes one text of the other, and refuses any third. Empty: no change."""
    old, new = before.splitlines(), after.splitlines()
    parts = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, first, last, start, end in matcher.get_opcodes():
        text = "\\n".join(_escaped(line) for line in new[start:end])
        if kind == "replace":
            parts.append(f"{first + 1}s|^.*$|{text}|")
            parts += [f"{number + 1}d" for number in range(first + 1, last)]
        elif kind == "insert":
            parts.append(f"{first}s|$|\\n{text}|")
        elif kind == "delete":
            parts += [f"{number + 1}d" for number in range(first, last)]
    if not parts:
        return ""
    quoted = shlex.quote(path)
    edits = " ".join(f"-e {shlex.quote(part)}" for part in parts)
    sums = shlex.quote(f"{sha256}  {path}")
    return f"echo {sums} | sha256sum -c - && sed -i {edits} {quoted}"


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\").replace("&", "\\&").replace("|", "\\|")


def clearing_space(facts: ClusterFacts, names: tuple[str, ...]) -> tuple[NodeCommand, ...]:
    """How to make room after a NOSPACE alarm: compact once, defragment each, disarm."""
    ways = {name: way for name in names if (way := etcdctl(facts, name)) is not None}
    if not ways:
        return ()
    first = next((n for n in ways if facts.members[n].is_leader), next(iter(ways)))
    revision = facts.members[first].revision
    # The leader last: it does not answer while it is at it.
    order = sorted(ways, key=lambda name: facts.members[name].is_leader)
    return (
        NodeCommand(first, f"{ways[first]} compact {revision}", "drop the history"),
        *(
            NodeCommand(name, f"{ways[name]} defrag", "give the space back; one after another")
            for name in order
        ),
        NodeCommand(first, f"{ways[first]} alarm disarm", "take writes again"),
    )


def promoting(facts: ClusterFacts, learner: str, helper: str) -> tuple[NodeCommand, ...]:
    """How to give a learner its vote."""
    through = etcdctl(facts, helper)
    if through is None:
        return ()
    member = facts.members[learner].id
    return (NodeCommand(helper, f"{through} member promote {member:x}", "give it its vote"),)
