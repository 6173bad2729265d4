"""Whether a member has a database, as the look at it tells: there, missing, or not to be read."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from recovery.backups.member_store import _LOOK
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
    text = script(_LOOK, file=str(data / "member/snap/db"))
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
