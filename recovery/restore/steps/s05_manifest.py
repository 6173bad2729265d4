"""Step 5: `--initial-cluster-state=existing`, so that no member boots an empty cluster."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, NodeWork, Risk, Step
from recovery.restore.script import node_script

_EDIT = """
# From then on a person may have had reason to change it, such as a larger quota.
if [ -e "$STARTED" ]; then
  echo "the restored member was started already: etcd.yaml stays as it is"
  exit 0
fi
AFTER=$(sha256sum "$MANIFEST" | cut -d ' ' -f 1)
if [ "$AFTER" = "$SHA256_AFTER" ]; then
  echo "etcd.yaml already says existing"
  exit 0
fi
[ "$AFTER" = "$SHA256_BEFORE" ] || stop "$MANIFEST is not the one that was planned with"

# A dot file, which kubelet ignores, that has the old one's owner and mode; then a rename.
cp -p "$MANIFEST" "$PARTIAL"
cat > "$PARTIAL" <<'@END@'
@TEXT@@END@
[ "$(sha256sum "$PARTIAL" | cut -d ' ' -f 1)" = "$SHA256_AFTER" ] || \\
  stop "$PARTIAL was not written whole"
# The way back puts the old one back, whatever a person makes of this one until then.
: > "$EDITED"
sync -f "$EDITED" || sync
run mv "$PARTIAL" "$MANIFEST"
if command -v restorecon >/dev/null; then restorecon "$MANIFEST"; fi
on_disk "$MANIFEST" "${MANIFEST%/*}"
"""

_EDITED = (
    '[ -e "$STARTED" ] || [ "$(sha256sum "$MANIFEST" | cut -d \' \' -f 1)" = "$SHA256_AFTER" ]'
)

_NOW = """
NOW=$(if [ -e "$MANIFEST" ]; then sha256sum "$MANIFEST" | cut -d ' ' -f 1; fi)
"""

_TAKE_BACK = (
    _NOW
    + """
if [ "$NOW" = "$SHA256_BEFORE" ]; then
  echo "etcd.yaml is as it was before"
  exit 0
fi
if [ "$NOW" != "$SHA256_AFTER" ] && [ ! -e "$EDITED" ]; then
  echo "etcd.yaml is not the edited one: nothing to take back"
  exit 0
fi
[ -f "$BEFORE" ] || stop "there is no $BEFORE to go back to"
[ "$(sha256sum "$BEFORE" | cut -d ' ' -f 1)" = "$SHA256_BEFORE" ] || \\
  stop "$BEFORE is not the etcd.yaml that was there before: put the right one in place by hand"
if [ -z "$NOW" ]; then
  echo "there is no $MANIFEST any more: the one from before is put back"
elif [ "$NOW" != "$SHA256_AFTER" ]; then
  echo "somebody has changed etcd.yaml since: that one is kept as $CHANGED.$NOW"
  run cp -p "$MANIFEST" "$CHANGED.$NOW"
fi
run cp -p "$BEFORE" "$PARTIAL"
run mv "$PARTIAL" "$MANIFEST"
if command -v restorecon >/dev/null; then restorecon "$MANIFEST"; fi
sync -f "$MANIFEST" || sync
"""
)

_TAKEN_BACK = (
    _NOW
    + """
[ "$NOW" = "$SHA256_BEFORE" ] || { [ "$NOW" != "$SHA256_AFTER" ] && [ ! -e "$EDITED" ]; }
"""
)


def set_existing(grounds: Sequence[NodeGround], sha256_after: dict[str, str]) -> Step:
    """Write each node's edited manifest; nodes whose manifest says it already are left alone."""
    edited = [ground for ground in grounds if ground.manifest_after != ground.manifest.text]
    actions: tuple[Action, ...] = ()
    if edited:
        actions = (
            Action(
                id="edit-manifest",
                title="set --initial-cluster-state=existing in etcd.yaml",
                reason="With `new`, a member that finds no data boots an empty cluster.",
                risk=Risk.CHANGE,
                works=tuple(_edit(ground, sha256_after[ground.name]) for ground in edited),
                timeout=30,
            ),
        )
    return Step(
        id="manifest",
        title="edit etcd.yaml",
        purpose="etcd.yaml is told that the cluster exists, so that no member starts an empty one.",
        documented_as="1",
        actions=actions,
        safe_after="The old etcd.yaml is kept in the run's directory.",
    )


def _edit(ground: NodeGround, sha256_after: str) -> NodeWork:
    directory, _, _ = ground.manifest.path.rpartition("/")
    partial = f"{directory}/.etcd.yaml.{ground.run_id}"
    before = f"{ground.run_dir}/etcd.yaml.before"
    edited = f"{ground.run_dir}/etcd.yaml.edited"
    end = "END_OF_MANIFEST"
    while end in ground.manifest_after:
        end += "_"
    return NodeWork(
        ground.name,
        node_script(
            _EDIT.replace("@END@", end),
            manifest=ground.manifest.path,
            partial=partial,
            sha256_before=ground.manifest.sha256,
            sha256_after=sha256_after,
            started=ground.started,
            edited=edited,
        ).replace("@TEXT@", ground.manifest_after),
        probe=node_script(
            _EDITED,
            manifest=ground.manifest.path,
            sha256_after=sha256_after,
            started=ground.started,
        ),
        undo=node_script(
            _TAKE_BACK,
            manifest=ground.manifest.path,
            partial=partial,
            before=before,
            changed=f"{ground.run_dir}/etcd.yaml.changed",
            edited=edited,
            sha256_before=ground.manifest.sha256,
            sha256_after=sha256_after,
        ),
        undone=node_script(
            _TAKEN_BACK,
            manifest=ground.manifest.path,
            edited=edited,
            sha256_before=ground.manifest.sha256,
            sha256_after=sha256_after,
        ),
    )
