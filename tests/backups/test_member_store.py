"""Whether a member has a database, as the look at it tells: there, missing, or not to be read."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from recovery.backups.member_store import _LOCKS, _LOOK
from recovery.ssh.script import script

NOBODY = 65534
MISSING, UNREADABLE = 44, 45


@pytest.fixture(name="data")
def data_fixture() -> Iterator[Path]:
    """A data directory that a stranger may at least walk to."""
    root = Path(tempfile.mkdtemp(prefix="etcd-rescue-test-"))
    root.chmod(0o755)
    yield root / "etcd"
    shutil.rmtree(root)


def look(data: Path) -> int:
    user = NOBODY if os.geteuid() == 0 else None
    text = script(_LOOK, file=str(data / "member/snap/db"), locks=_LOCKS)
    ran = subprocess.run(["sh", "-c", text], capture_output=True, user=user, timeout=30)
    return ran.returncode


def test_what_lies_behind_a_closed_directory_is_not_called_missing(data: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can look as somebody else")
    database = data / "member/snap/db"
    assert look(data) == MISSING
    database.parent.mkdir(parents=True)
    assert look(data) == MISSING
    database.write_bytes(b"x")
    assert look(data) == 0
    database.chmod(0o600)
    assert look(data) == UNREADABLE
    data.chmod(0o700)
    assert look(data) == UNREADABLE


def in_use(database: Path, locks: str) -> bool:
    text = script(_LOOK, file=str(database), locks=locks)
    ran = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=30, check=True)
    return ran.stdout.split()[0] == "1"


def test_a_lock_on_a_file_of_another_device_does_not_make_a_stopped_member_run(
    data: Path, tmp_path: Path
) -> None:
    database = data / "member/snap/db"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"x")
    assert not in_use(database, _LOCKS)
    with database.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert in_use(database, _LOCKS)
    assert not in_use(database, _LOCKS)
    inode = database.stat().st_ino
    elsewhere = tmp_path / "locks"
    line = f"1: FLOCK  ADVISORY  WRITE %s 00:2f:{inode} 0 EOF\n"
    elsewhere.write_text(line % os.getpid())
    assert not in_use(database, str(elsewhere)), "this process has no such file open"
    with database.open("rb"):
        assert in_use(database, str(elsewhere)), "a device that the kernel names otherwise"
    elsewhere.write_text(line % -1)
    assert in_use(database, str(elsewhere)), "who holds it is not known"
