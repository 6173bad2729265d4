"""Step 2: bring the snapshot and the restore program to every node, and keep the configuration.

All that can fail cheaply happens in steps 2 and 3, while the cluster is untouched.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from recovery.restore.by_hand import bring_snapshot
from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, Carried, Delivery, NodeWork, RestoreSource, Risk, Step
from recovery.restore.script import node_script
from recovery.restore.steps.s01_recheck import data_ground

_DIRECTORIES = """
umask 077
mkdir -p "$STAGING"

# What is set aside later must be renamed, never copied: same filesystem, or stop here.
HERE=$(stat -L -c %d "$STAGING")
DATA=$(stat -L -c %d "$DATA_GROUND")
[ "$HERE" = "$DATA" ] || stop "$STAGING is not on the data directory's filesystem"
if [ -d "$DATA_DIR" ]; then
  [ "$HERE" = "$(stat -L -c %d "$DATA_DIR")" ] || \\
    stop "$DATA_DIR is on another filesystem than $STAGING"
elif [ -L "$DATA_DIR" ]; then
  stop "$DATA_DIR is a link that leads nowhere"
fi
if [ -L "$DATA_DIR/member" ]; then
  stop "$DATA_DIR/member is a link; move the directory that it leads to there, then plan again"
elif [ -e "$DATA_DIR/member" ]; then
  [ "$HERE" = "$(stat -c %d "$DATA_DIR/member")" ] || \\
    stop "$DATA_DIR/member is on another filesystem than $STAGING"
fi
# Last, because it tells that all of the above holds.
mkdir -p "$RUN_DIR/bin"
echo "staging in $RUN_DIR and $STAGING"
"""

_KEEP_CONFIGURATION = """
umask 077
if [ -d "$RUN_DIR/kubernetes" ]; then
  echo "the copy is already there"
  exit 0
fi
# A fresh name for every try, so that a copy cut short is never taken for a whole one.
TRY=$(mktemp -d "$RUN_DIR/kubernetes.try-XXXXXX")
# kubeadm's upgrades leave whole copies of etcd's old data in tmp: large, and no configuration.
for ENTRY in "$KUBERNETES"/* "$KUBERNETES"/.[!.]*; do
  if [ ! -e "$ENTRY" ] && [ ! -L "$ENTRY" ]; then continue; fi
  if [ "$ENTRY" = "$KUBERNETES/tmp" ]; then continue; fi
  run cp -a "$ENTRY" "$TRY/"
done
run cp -p "$MANIFEST" "$RUN_DIR/etcd.yaml.before"
mv "$TRY" "$RUN_DIR/kubernetes"
"""

_STAGE_TOOL = """
umask 077
[ -x "$SOURCE" ] || stop "$SOURCE is gone: the container image may have been removed"
run cp "$SOURCE" "$TOOL.partial"
run chmod 0700 "$TOOL.partial"
"$TOOL.partial" version || \\
  stop "$TOOL.partial does not run: is its filesystem mounted noexec? Set paths.work to another"
mv "$TOOL.partial" "$TOOL"
"""

_TOOL_READY = """
[ -x "$TOOL" ] && "$TOOL" version >/dev/null
"""

_SNAPSHOT_READY = """
[ "$(sha256sum "$SNAPSHOT" | cut -d ' ' -f 1)" = "$SHA256" ]
"""


def stage(grounds: Sequence[NodeGround], source: RestoreSource) -> Step:
    """Directories, the copy of the configuration, the snapshot and the tool on every node."""
    actions = [_directories(grounds), _configuration(grounds), _snapshot(grounds, source)]
    own = [ground for ground in grounds if ground.tool.carried_from is None]
    carried = [ground for ground in grounds if ground.tool.carried_from is not None]
    if own:
        actions.append(_own_tool(own))
    if carried:
        actions.append(_carried_tool(carried))
    return Step(
        id="stage",
        title="stage the snapshot",
        purpose="The snapshot is copied to every node and checked there.",
        documented_as="2",
        actions=tuple(actions),
        safe_after="The cluster is untouched; only the run's own directories were written.",
    )


def _directories(grounds: Sequence[NodeGround]) -> Action:
    return Action(
        id="make-directories",
        title="make the run's directories",
        reason="One directory per run, readable by root alone; moves later are renames inside it.",
        risk=Risk.CHANGE,
        works=tuple(
            NodeWork(
                ground.name,
                node_script(
                    _DIRECTORIES,
                    run_dir=ground.run_dir,
                    staging=ground.staging,
                    data_dir=ground.data_dir,
                    data_ground=data_ground(ground),
                ),
                probe=node_script(
                    '[ -d "$RUN_DIR/bin" ] && [ -d "$STAGING" ]',
                    run_dir=ground.run_dir,
                    staging=ground.staging,
                ),
            )
            for ground in grounds
        ),
        timeout=30,
    )


def _configuration(grounds: Sequence[NodeGround]) -> Action:
    return Action(
        id="keep-configuration",
        title="copy the Kubernetes configuration",
        reason="etcd.yaml is edited later; a copy that fails must fail while all still stands.",
        risk=Risk.CHANGE,
        works=tuple(
            NodeWork(
                ground.name,
                node_script(
                    _KEEP_CONFIGURATION,
                    run_dir=ground.run_dir,
                    kubernetes=ground.node.paths.kubernetes,
                    manifest=ground.manifest.path,
                ),
                probe=node_script('[ -d "$RUN_DIR/kubernetes" ]', run_dir=ground.run_dir),
            )
            for ground in grounds
        ),
        timeout=120,
    )


def _snapshot(grounds: Sequence[NodeGround], source: RestoreSource) -> Action:
    return Action(
        id="deliver-snapshot",
        title="copy the snapshot to the node and check it there",
        reason="All members are restored from the same bytes; the sha256 is compared on arrival.",
        risk=Risk.CHANGE,
        works=tuple(
            NodeWork(
                ground.name,
                script=bring_snapshot(ground, source),
                probe=node_script(_SNAPSHOT_READY, snapshot=ground.snapshot, sha256=source.sha256),
                delivery=Delivery(Carried.SNAPSHOT, ground.snapshot, source.sha256, source.size),
            )
            for ground in grounds
        ),
        timeout=60 + source.size / 2**20,
    )


def _own_tool(grounds: Sequence[NodeGround]) -> Action:
    return Action(
        id="stage-tool",
        title="copy the restore program out of the container image",
        reason="etcd runs in a container; the image may be cleaned up while containers are gone.",
        risk=Risk.CHANGE,
        works=tuple(
            NodeWork(
                ground.name,
                node_script(_STAGE_TOOL, source=ground.tool.tool.path, tool=ground.tool_path),
                probe=node_script(_TOOL_READY, tool=ground.tool_path),
            )
            for ground in grounds
        ),
        timeout=60,
    )


def _carried_tool(grounds: Sequence[NodeGround]) -> Action:
    return Action(
        id="carry-tool",
        title="copy the restore program from another node",
        reason="This node has no fitting etcdutl or etcdctl of its own.",
        risk=Risk.CHANGE,
        works=tuple(
            NodeWork(
                ground.name,
                script=_carry(ground),
                probe=node_script(_TOOL_READY, tool=ground.tool_path),
                delivery=Delivery(
                    Carried.TOOL,
                    ground.tool_path,
                    sha256=None,
                    size=0,
                    mode=0o700,
                    source_node=ground.tool.carried_from,
                    source_path=ground.tool.tool.path,
                ),
            )
            for ground in grounds
        ),
        timeout=300,
    )


def _carry(ground: NodeGround) -> str:
    """The copy as a person makes it."""
    source = shlex.quote(f"{ground.tool.carried_from}:{ground.tool.tool.path}")
    target = shlex.quote(f"{ground.node.host}:{ground.tool_path}")
    return (
        "# Not on the node: on a machine that reaches both. -p keeps the mode, which makes it a\n"
        f"# program.\nscp -3 -p {source} {target}\n"
    )
