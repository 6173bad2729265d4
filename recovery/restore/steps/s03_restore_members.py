"""Step 3: restore each member into its staging directory, all nodes at once, and look at it."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.cluster.facts import ToolKind
from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, NodeWork, PlannedMember, RestoreSource, Risk, Step
from recovery.restore.script import node_script

_RESTORE = """
umask 077
if [ -d "$RESTORED/member" ] || [ -e "$PLACED" ]; then
  echo "already restored"
  exit 0
fi
# What an earlier try left is half a copy of the staged snapshot, and takes the room of this one.
for TRY in "$RESTORED".try-*; do
  if [ -d "$TRY" ]; then run rm -r "$TRY"; fi
done
@WHOLE@
# A fresh directory for every try: etcd refuses one that a failed try left behind.
TRY=$(mktemp -d "$RESTORED.try-XXXXXX")
trap 'if [ -d "$TRY" ]; then rm -r "$TRY"; fi' EXIT
run @ENV@"$TOOL" snapshot restore "$SNAPSHOT" \\
  --name "$NAME" \\
  --initial-cluster "$INITIAL_CLUSTER" \\
  --initial-cluster-token "$TOKEN" \\
  --initial-advertise-peer-urls "$PEER_URLS" \\
  --data-dir "$TRY/data"@FLAGS@
[ -s "$TRY/data/member/snap/db" ] || stop "the restore left no database"
ls "$TRY"/data/member/wal/*.wal >/dev/null || stop "the restore left no write-ahead log"
on_disk "$TRY"/data/member/*/* "$TRY"/data/member/* "$TRY/data/member" "$TRY/data"
mv -T "$TRY/data" "$RESTORED"
"""

# Nobody waited until the staged file was on disk, and a node may have rebooted since.
_BY_SIZE = """
# etcd compares its sha256 itself.
[ "$(($(wc -c < "$SNAPSHOT")))" -eq "$SIZE" ] || stop "$SNAPSHOT is not whole any more: try again"
"""
_BY_SHA256 = """
# It carries no hash that etcd could compare.
[ "$(sha256sum "$SNAPSHOT" | cut -d ' ' -f 1)" = "$SHA256" ] || \\
  stop "$SNAPSHOT is not what was staged any more: try again"
"""

_RESTORED = """
if [ -e "$PLACED" ]; then exit 0; fi
[ -s "$RESTORED/member/snap/db" ] && ls "$RESTORED"/member/wal/*.wal >/dev/null 2>&1
"""


def restore_members(
    grounds: Sequence[NodeGround],
    source: RestoreSource,
    members: Sequence[PlannedMember],
    token: str,
    revision_bump: int,
) -> Step:
    """`snapshot restore` on every node with the same file, flags, members and token."""
    action = Action(
        id="restore-member",
        title="restore the member into staging",
        reason="Every node restores its own member from the same file, with the same flags.",
        risk=Risk.CHANGE,
        works=tuple(
            NodeWork(
                ground.name,
                node_script(
                    _RESTORE.replace("@ENV@", _environment(ground))
                    .replace("@FLAGS@", _flags(source, revision_bump))
                    .replace("@WHOLE@", (_BY_SIZE if source.has_hash else _BY_SHA256).strip()),
                    tool=ground.tool_path,
                    snapshot=ground.snapshot,
                    **(
                        {"size": str(source.size)} if source.has_hash else {"sha256": source.sha256}
                    ),
                    restored=ground.restored,
                    placed=ground.placed,
                    name=ground.manifest.member_name,
                    initial_cluster=initial_cluster(members),
                    peer_urls=",".join(ground.peer_urls),
                    token=token,
                ),
                probe=node_script(_RESTORED, restored=ground.restored, placed=ground.placed),
            )
            for ground in grounds
        ),
        timeout=300 + source.size / 2**20,
    )
    return Step(
        id="restore",
        title="restore members",
        purpose="Each node makes its new member from the snapshot, beside the old data.",
        documented_as="3",
        actions=(action,),
        safe_after="The cluster is untouched; the new members wait in staging.",
    )


def initial_cluster(members: Sequence[PlannedMember]) -> str:
    """The value of --initial-cluster, the same on every node."""
    return ",".join(f"{member.name}={url}" for member in members for url in member.peer_urls)


def _environment(ground: NodeGround) -> str:
    return "env ETCDCTL_API=3 " if ground.tool.tool.kind is ToolKind.ETCDCTL else ""


def _flags(source: RestoreSource, revision_bump: int) -> str:
    flags = ""
    if not source.has_hash:
        flags += " \\\n  --skip-hash-check=true"
    if revision_bump:
        flags += f" \\\n  --bump-revision {revision_bump} --mark-compacted"
    return flags
