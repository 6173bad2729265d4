"""Step 1: look once more, right before anything is written, whether all is as the plan assumes."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, NodeWork, Risk, Step
from recovery.restore.script import node_script

_UNCHANGED = """
# The plan was made from this manifest; another one would need another plan.
ACTUAL=$(sha256sum "$MANIFEST" | cut -d ' ' -f 1)
[ "$ACTUAL" = "$MANIFEST_SHA256" ] || stop "$MANIFEST has changed since the plan was made"
echo "the manifest is the one that was planned with"

# Room for the restored member on the data directory's own filesystem.
FREE_KIB=$(df -Pk "$DATA_GROUND" | awk 'NR == 2 { print $4 }')
[ "$FREE_KIB" -ge "$NEEDED_KIB" ] || \\
  stop "$DATA_GROUND has $FREE_KIB KiB free, the restored member needs $NEEDED_KIB KiB"
echo "$FREE_KIB KiB free for the restored member, $NEEDED_KIB KiB needed"
command -v crictl >/dev/null || stop "crictl is not on this node's PATH"
command -v systemctl >/dev/null || stop "systemctl is not on this node's PATH"
"""


def recheck(grounds: Sequence[NodeGround], needed_bytes: int) -> Step:
    """The manifest is unchanged, there is room, and the node's own tools are there."""
    action = Action(
        id="recheck-node",
        title="check the manifest, the space and the tools again",
        reason="Time has passed since the facts were gathered; nothing has been changed yet.",
        risk=Risk.READ,
        works=tuple(
            NodeWork(
                ground.name,
                node_script(
                    _UNCHANGED,
                    manifest=ground.manifest.path,
                    manifest_sha256=ground.manifest.sha256,
                    data_ground=data_ground(ground),
                    needed_kib=str(needed_bytes // 1024 + 1),
                ),
                # Once the run has begun to write here, the check was made.
                probe=node_script('[ -d "$RUN_DIR/bin" ]', run_dir=ground.run_dir),
            )
            for ground in grounds
        ),
        timeout=60,
    )
    return Step(
        id="preflight",
        title="preflight",
        purpose="Every node is asked once more whether it is as the plan assumes.",
        documented_as="",
        actions=(action,),
        safe_after="Nothing was written.",
    )


def data_ground(ground: NodeGround) -> str:
    """An existing directory on the filesystem that the staged member will lie on."""
    return ground.data_dir if ground.data_is_mount else ground.data_dir.rsplit("/", 1)[0] or "/"
