"""The scripts that move data, killed at every command, then run again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.restore.node_disk import Disk, disk_fixture, good, put_restored_member, stage

__all__ = ["disk_fixture"]

COMMANDS = ("cat", "chmod", "chown", "cp", "cut", "ls", "mkdir", "mv", "sha256sum", "stat", "sync")

MOST = 40
"""More commands than any of the scripts has."""


def cut_at(disk: Disk, number: int) -> None:
    """From now on the shell that runs a script is killed at its command of that number."""
    shims = disk.root / "bin"
    shims.mkdir(exist_ok=True)
    for taken in shims.glob("number-*"):
        taken.unlink()
    for name in COMMANDS:
        real = subprocess.check_output(["sh", "-c", f"command -v {name}"], text=True).strip()
        (shims / name).write_text(
            "#!/bin/sh\n"
            # The commands of a pipeline run side by side, and each must get its own number.
            'N=1\nuntil (set -C; : > "${0%/*}/number-$N") 2> /dev/null; do N=$((N + 1)); done\n'
            f'[ "$N" -ne {number} ] || {{ kill -9 "$SCRIPT"; exit 9; }}\n'
            f'exec {real} "$@"\n'
        )
        (shims / name).chmod(0o755)


def run_cut(disk: Disk, step: str, action: str, kind: str, number: int) -> bool:
    """Run it, killed at that command; whether it got to its end before."""
    cut_at(disk, number)
    chosen = next(a for a in disk.plan.step(step).actions if a.id == action)
    script = getattr(chosen.works[0], kind)
    ran = subprocess.run(
        ["sh", "-c", f"SCRIPT=$$; export SCRIPT\n{script}"],
        capture_output=True,
        env={"PATH": f"{disk.root / 'bin'}:{os.environ['PATH']}"},
    )
    for name in COMMANDS:
        (disk.root / "bin" / name).unlink()
    return ran.returncode == 0


def whole(disk: Disk) -> set[bytes]:
    """The databases that exist anywhere on the node."""
    return {path.read_bytes() for path in disk.root.rglob("db")}


@pytest.mark.parametrize("kind", ["script", "undo"])
@pytest.mark.parametrize(
    ("step", "action"),
    [
        ("set-aside", "set-data-aside"),
        ("manifest", "edit-manifest"),
        ("place", "place-member"),
    ],
)
def test_a_script_killed_at_any_command_loses_nothing_and_can_be_run_again(
    disk: Disk, step: str, action: str, kind: str
) -> None:
    stage(disk)
    put_restored_member(disk)
    manifest = Path(disk.plan.manifest_edits[0].path)
    before = manifest.read_bytes()
    after = disk.plan.manifest_edits[0].after.encode()
    if step == "place":
        good(disk.run("set-aside", "set-data-aside"))
    for number in range(1, MOST):
        if kind == "undo":
            good(disk.run(step, action))
        ended = run_cut(disk, step, action, kind, number)
        assert whole(disk) == {b"the old data", b"the new data"}
        assert manifest.read_bytes() in (before, after)
        good(disk.run(step, action, kind))
        assert (disk.run(step, action, "probe").returncode == 0) is (kind == "script")
        if ended:
            assert number > 1 or kind == "undo"
            return
        if kind == "script":
            good(disk.run(step, action, "undo"))
    pytest.fail("it never got to its end")
