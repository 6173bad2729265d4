"""The scripts that weigh and delete what a run has left on one node."""

from __future__ import annotations

from recovery.restore.plan import NodePlace
from recovery.restore.script import node_script

_WEIGH = """
for DIRECTORY in "$STAGING" "$RUN_DIR"; do
  if [ -d "$DIRECTORY" ]; then
    printf '%s %s\\n' "$(du -skx "$DIRECTORY" | cut -f 1)" "$DIRECTORY"
  fi
done
"""

_CLEAN = """
# What is kept may be deleted only while the member has its data.
[ -s "$MEMBER/snap/db" ] || stop "$MEMBER holds no database: nothing is deleted here"
ls "$MEMBER"/wal/*.wal >/dev/null || stop "$MEMBER/wal holds no log: nothing is deleted here"
for DIRECTORY in "$STAGING" "$RUN_DIR"; do
  case $DIRECTORY in
    */.etcd-rescue-"$RUN_ID" | */"$RUN_ID") ;;
    *) stop "$DIRECTORY is not a directory of run $RUN_ID" ;;
  esac
  if [ -d "$DIRECTORY" ]; then run rm -r --one-file-system "$DIRECTORY"; fi
done
"""


def weigh_script(place: NodePlace) -> str:
    """Prints what there is to delete: KiB and path, line by line."""
    return node_script(_WEIGH, staging=place.staging, run_dir=place.run_dir)


def clean_script(place: NodePlace, run_id: str) -> str:
    """Deletes the run's two directories on the node, and nothing else."""
    return node_script(
        _CLEAN,
        member=place.member,
        staging=place.staging,
        run_dir=place.run_dir,
        run_id=run_id,
    )
