"""Backups written into a node's directory, and deleted from it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recovery.backups import node_writing
from recovery.backups.node_store import NodeStore
from recovery.errors import RescueError, StoreError
from recovery.ssh.session import NodeSession
from tests.backups.places import NAME, OLDER
from tests.ssh.waiting import until


def listed_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def fill(directory: Path, *names: str) -> None:
    directory.mkdir(parents=True)
    for name in names:
        (directory / name).write_bytes(b"12345")


def mode_of(path: str) -> int:
    return Path(path).stat().st_mode & 0o777


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "cpaas/backup"


async def test_a_directory_that_is_missing_is_made_for_nobody_else(
    session: NodeSession, directory: Path, file: Path, digest: str
) -> None:
    copy = await NodeStore(session, str(directory)).put(file, NAME, digest)
    assert mode_of(str(directory)) == 0o700
    assert mode_of(copy.path) == 0o600


async def test_a_directory_that_cannot_be_made_is_named(
    session: NodeSession, tmp_path: Path, file: Path, digest: str
) -> None:
    (tmp_path / "cpaas").write_text("a file")
    with pytest.raises(StoreError) as caught:
        await NodeStore(session, str(tmp_path / "cpaas/backup")).put(file, NAME, digest)
    assert "cannot be written to" in caught.value.what
    assert caught.value.where == "etcd-1"


async def test_a_link_of_that_name_is_not_written_through(
    session: NodeSession, directory: Path, file: Path, digest: str, tmp_path: Path
) -> None:
    fill(directory)
    (directory / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        await NodeStore(session, str(directory)).put(file, NAME, digest)
    assert not (tmp_path / "elsewhere").exists()


async def test_a_file_that_has_no_room_is_refused_before_a_byte_is_sent(
    session: NodeSession, directory: Path, tmp_path: Path
) -> None:
    huge = tmp_path / "huge"
    with huge.open("wb") as sparse:
        sparse.truncate(shutil.disk_usage(tmp_path).free + (1 << 30))
    with pytest.raises(StoreError) as caught:
        await NodeStore(session, str(directory)).put(huge, NAME, "0" * 64)
    assert "has no room" in caught.value.what
    assert "make room" in caught.value.remedy
    assert listed_in(directory) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte that says it has more, as one does that others write to."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mounted], capture_output=True
    )
    if done.returncode:
        pytest.skip("only root may mount a file system")
    yield mounted
    subprocess.run(["umount", "-l", mounted], check=True)


async def test_a_disk_that_fills_while_writing_leaves_nothing_under_any_name(
    session: NodeSession,
    small_disk: Path,
    file: Path,
    digest: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_check = node_writing._PREPARE.replace("exit 47", "true")
    monkeypatch.setattr(node_writing, "_PREPARE", without_check)
    with pytest.raises(RescueError) as caught:
        await NodeStore(session, str(small_disk)).put(file, NAME, digest)
    assert "disk is full" in caught.value.what
    assert "make room" in caught.value.remedy
    assert listed_in(small_disk) == []


async def test_a_backup_that_is_given_up_while_it_is_sent_leaves_nothing_half_written(
    session: NodeSession, directory: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(32 << 20))
    sha256 = hashlib.sha256(large.read_bytes()).hexdigest()
    seen: list[list[str]] = []

    def give_up(done: int, total: int) -> None:
        if 8 << 20 < done < total and not seen:
            seen.append(listed_in(directory))
            putting.cancel()

    putting = asyncio.ensure_future(
        NodeStore(session, str(directory)).put(large, NAME, sha256, give_up)
    )
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert seen
    assert NAME not in seen[0]
    await until(lambda: listed_in(directory) == [])


async def test_a_clock_that_disagrees_keeps_the_file(
    session: NodeSession, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(directory, NAME, OLDER)
    store = NodeStore(session, str(directory))
    listed = {Path(copy.path).name: copy for copy in await store.list()}
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    with pytest.raises(StoreError) as caught:
        await store.remove(listed[OLDER], listed[NAME])
    assert "clock" in caught.value.what
    assert listed_in(directory) == [OLDER, NAME]


async def test_two_names_of_one_file_are_one_copy(session: NodeSession, directory: Path) -> None:
    fill(directory, NAME)
    (directory / OLDER).hardlink_to(directory / NAME)
    store = NodeStore(session, str(directory))
    listed = {Path(copy.path).name: copy for copy in await store.list()}
    with pytest.raises(StoreError):
        await store.remove(listed[OLDER], listed[NAME])
    assert (directory / OLDER).exists()


# --- S3
