"""One file to several nodes at once: read once, whole and checked, and taken up where it broke."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import os
import random
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from recovery.errors import StoreError, TransferError
from recovery.ssh import partial_scripts
from recovery.ssh.arrival import Target
from recovery.ssh.elsewhere import Elsewhere
from recovery.ssh.receiving import NOT_WHOLE
from recovery.ssh.session import NodeSession
from recovery.ssh.shared_blocks import BLOCK, KEPT_BLOCKS, LargeFile, SharedBlocks
from recovery.ssh.shipment import Shipment
from tests.faults.ssh_proxy import SshProxy
from tests.ssh.local_files import large_file, lying_here
from tests.ssh.servers import Account, InProcessServer, in_process_server
from tests.ssh.waiting import until

PACKED = random.Random(1).randbytes(24 * BLOCK + 12_345)
"""Compression does not make it smaller."""
LOOSE = b"".join(b"/registry/pods/default/pod-%09d\n" % n for n in range(200_000))
"""Compression makes it much smaller."""


class Shipped:
    """What was said and told while a file went to one node."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.progress: list[tuple[int, int]] = []

    def said(self, words: str) -> bool:
        """Whether a note has these words."""
        return any(words in note for note in self.notes)


async def ship(
    shipment: Shipment, session: NodeSession, directory: Path, content: bytes, sha256: str = ""
) -> Shipped:
    """Bring it to `snapshot.db` in that directory; it must be what it should be then."""
    shipped = Shipped()
    target = Target(str(directory / "snapshot.db"), sha256 or hashlib.sha256(content).hexdigest())
    await shipment.bring(
        session, target, shipped.notes.append, lambda *both: shipped.progress.append(both)
    )
    assert (directory / "snapshot.db").read_bytes() == content
    assert (directory / "snapshot.db").stat().st_mode & 0o777 == 0o600
    assert names(directory) == ["snapshot.db"]
    assert shipped.progress[-1] == (len(content), len(content))
    return shipped


def names(directory: Path) -> list[str]:
    """What lies in a directory."""
    return sorted(path.name for path in directory.iterdir())


def began(pid: int) -> str:
    """When a process began, in ticks since the boot."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19]


def leave_writer(directory: Path, pid: int, began_at: str) -> None:
    """What a try leaves behind whose process may be at work still."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    (directory / "snapshot.db.partial.writer").write_text(f"{pid} {began_at} {boot}")


def local_file(tmp_path: Path, content: bytes) -> LargeFile:
    """A file of this machine."""
    path = tmp_path / "database"
    path.write_bytes(content)
    return large_file(path)


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A directory on the node."""
    path = tmp_path / "it's there"
    path.mkdir()
    return path


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem with room for 8 MiB."""
    directory = tmp_path / "tiny"
    directory.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(directory)]
    if subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("no filesystem can be mounted here")
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


@pytest.mark.parametrize("content", [PACKED, LOOSE, b""], ids=["packed", "loose", "empty"])
async def test_a_file_arrives_whole_checked_and_alone(
    session: NodeSession, tmp_path: Path, there: Path, content: bytes
) -> None:
    shipped = await ship(Shipment(local_file(tmp_path, content)), session, there, content)
    assert shipped.said("compressed on the way") == (content == LOOSE)
    again = await ship(Shipment(local_file(tmp_path, content)), session, there, content)
    assert again.said("it is there already") and not again.said("$ ")


async def test_nodes_side_by_side_share_every_block_that_is_read(
    account: Account, server: InProcessServer, tmp_path: Path
) -> None:
    shipment = Shipment(local_file(tmp_path, PACKED))
    sessions = [NodeSession(account.node(server, f"etcd-{n}")) for n in range(3)]
    places = [tmp_path / session.node.name for session in sessions]
    for place in places:
        place.mkdir()
    await asyncio.gather(
        *(ship(shipment, *each, PACKED) for each in zip(sessions, places, strict=True))
    )
    blocks = shipment.blocks
    assert blocks.reads == blocks.count == 25
    for session in sessions:
        await session.close()


async def test_a_slow_node_holds_nobody_up_and_memory_stays_bounded(
    account: Account,
    server: InProcessServer,
    proxied: SshProxy,
    through: NodeSession,
    tmp_path: Path,
) -> None:
    quick = NodeSession(account.node(server, "quick"))
    places = [tmp_path / "slow", tmp_path / "quick"]
    for place in places:
        place.mkdir()
    shipment = Shipment(local_file(tmp_path, PACKED))
    await through.check("true")
    proxied.pause = 0.05  # 64 KiB each: the slow node has not half of it when the quick one is done
    slowly = asyncio.ensure_future(ship(shipment, through, places[0], PACKED))
    await ship(shipment, quick, places[1], PACKED)
    assert not slowly.done()
    blocks = shipment.blocks
    assert len(blocks._plain._blocks) <= KEPT_BLOCKS
    proxied.pause = 0.0
    await slowly
    await quick.close()


async def test_a_broken_transfer_goes_on_where_it_broke(
    proxied: SshProxy, through: NodeSession, tmp_path: Path, there: Path
) -> None:
    shipment = Shipment(local_file(tmp_path, PACKED))
    shipping = asyncio.ensure_future(ship(shipment, through, there, PACKED))
    partial = there / "snapshot.db.partial"
    proxied.pause = 0.01  # the file is still on its way when it is cut for the second time
    for blocks in (4, 8):
        await until(
            lambda: (
                proxied.carries and partial.exists() and partial.stat().st_size > blocks * BLOCK  # noqa: B023
            )
        )
        await proxied.cut()
    proxied.pause = 0
    shipped = await shipping
    assert proxied.cuts == 2
    assert shipped.said("it is waited for") and shipped.said("the node is back")
    kept = [int(note.split()[0]) for note in shipped.notes if "bytes are there already" in note]
    assert kept[-1] >= 8 * BLOCK
    # What was kept came once; the rest may have been on its way when the connection broke.
    assert proxied.carried < kept[-1] + 3 * (len(PACKED) - kept[-1]) + BLOCK


async def test_a_new_program_goes_on_with_what_an_earlier_one_left(
    session: NodeSession, tmp_path: Path, there: Path
) -> None:
    (there / "snapshot.db.partial").write_bytes(PACKED[: 18 * BLOCK + 5])
    shipped = await ship(Shipment(local_file(tmp_path, PACKED)), session, there, PACKED)
    assert shipped.said(f"{18 * BLOCK} of {len(PACKED)} bytes are there already")
    assert shipped.progress[0][0] == 19 * BLOCK


async def test_what_is_not_the_beginning_of_the_file_is_sent_anew(
    session: NodeSession, tmp_path: Path, there: Path
) -> None:
    wrong = bytearray(PACKED[: 5 * BLOCK])
    wrong[12_345] ^= 1
    (there / "snapshot.db.partial").write_bytes(wrong)
    shipped = await ship(Shipment(local_file(tmp_path, PACKED)), session, there, PACKED)
    assert shipped.said("it is sent anew")
    (there / "snapshot.db").unlink()
    (there / "snapshot.db.partial").write_bytes(PACKED + bytes(2 * BLOCK))
    await ship(Shipment(local_file(tmp_path, PACKED)), session, there, PACKED)


async def test_whoever_still_writes_is_ended_before_anybody_else_does(
    session: NodeSession, tmp_path: Path, there: Path
) -> None:
    partial = there / "snapshot.db.partial"
    partial.write_bytes(PACKED[:BLOCK])
    writer = await asyncio.create_subprocess_exec(
        *("sh", "-c", 'while :; do printf x >> "$1"; done', "writer", str(partial)),
        start_new_session=True,
    )
    leave_writer(there, writer.pid, began(writer.pid))
    await ship(Shipment(local_file(tmp_path, PACKED)), session, there, PACKED)
    assert await writer.wait() == -9


async def test_another_process_of_the_same_number_is_left_alone(
    session: NodeSession, tmp_path: Path, there: Path
) -> None:
    leave_writer(there, os.getpid(), "1")
    await ship(Shipment(local_file(tmp_path, LOOSE)), session, there, LOOSE)


async def test_bytes_that_differ_get_no_name_and_are_not_kept(
    session: NodeSession, tmp_path: Path, there: Path
) -> None:
    with pytest.raises(TransferError, match="not those that were sent"):
        await ship(Shipment(local_file(tmp_path, PACKED)), session, there, PACKED, "0" * 64)
    assert names(there) == []


@pytest.mark.parametrize("content", [PACKED, LOOSE * 3], ids=["as it is", "compressed"])
async def test_a_full_disk_is_said_so_and_gets_its_room_back(
    session: NodeSession, tmp_path: Path, tiny_disk: Path, content: bytes
) -> None:
    with pytest.raises(TransferError, match="disk is full"):
        await ship(Shipment(local_file(tmp_path, content)), session, tiny_disk, content)
    assert names(tiny_disk) == []


async def test_a_node_whose_zstd_fails_gets_it_as_it_is(
    account: Account, tmp_path: Path, there: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "zstd").write_text("#!/bin/sh\nexit 1\n")
    (tools / "zstd").chmod(0o755)
    server = InProcessServer(environment={"PATH": f"{tools}:{os.environ['PATH']}"})
    async with in_process_server(account, server) as running:
        account.trust(running)
        session = NodeSession(account.node(running))
        shipped = await ship(Shipment(local_file(tmp_path, LOOSE)), session, there, LOOSE)
        assert shipped.said("so it is sent as it is")
        await session.close()


def wrapped(content: bytes, wrappings: tuple[str, ...]) -> bytes:
    """The content inside these wrappings, outermost first."""
    for wrapping in reversed(wrappings):
        if wrapping == "gzip":
            content = gzip.compress(content, 1)
        else:
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w") as tar:
                entry = tarfile.TarInfo("backup/snapshot.db")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            content = buffer.getvalue()
    return content


@pytest.mark.parametrize("wrappings", [(), ("tar",), ("gzip", "tar"), ("tar", "gzip")])
async def test_a_copy_on_the_node_is_taken_instead_of_sending(
    session: NodeSession, tmp_path: Path, there: Path, wrappings: tuple[str, ...]
) -> None:
    backup = tmp_path / "it's a backup $(reboot).tar"
    stored = wrapped(LOOSE, wrappings)
    backup.write_bytes(stored)
    elsewhere = Elsewhere(wrappings, {session.node.name: ("/no/such/file", str(backup))})
    shipment = Shipment(local_file(tmp_path, LOOSE), elsewhere)
    shipped = await ship(shipment, session, there, LOOSE)
    assert shipped.said("that copy does not give the file: /no/such/file cannot be read")
    assert not shipped.said("$ send")
    assert shipment.blocks.reads == 0
    assert backup.read_bytes() == stored


class Brought:
    """A file that is fetched to this machine when somebody asks for it."""

    def __init__(self, path: Path, failures: int = 0) -> None:
        self._path = path
        self._failures = failures
        self.times = 0

    async def bring(self) -> Path:
        """The file, after that many tries in vain."""
        self.times += 1
        if self.times <= self._failures:
            raise StoreError("it cannot be fetched", where="etcd-1")
        return self._path


async def test_a_file_is_fetched_to_this_machine_once_and_only_if_a_node_s_own_copy_is_bad(
    account: Account, server: InProcessServer, tmp_path: Path
) -> None:
    brought = Brought(tmp_path / "database")
    (tmp_path / "database").write_bytes(LOOSE)
    names = ("good", "bad", "worse")
    for name, content in zip(names, (LOOSE, LOOSE[:-1] + b"x", b""), strict=True):
        (tmp_path / f"{name}.tar").write_bytes(wrapped(content, ("tar",)))
        (tmp_path / name).mkdir()
    copies = {name: (str(tmp_path / f"{name}.tar"),) for name in names}
    file = LargeFile(len(LOOSE), brought.bring, at_hand=False)
    shipment = Shipment(file, Elsewhere(("tar",), copies))
    sessions = {name: NodeSession(account.node(server, name)) for name in names}
    await ship(shipment, sessions["good"], tmp_path / "good", LOOSE)
    assert brought.times == 0
    shipped = await asyncio.gather(
        *(ship(shipment, sessions[name], tmp_path / name, LOOSE) for name in names[1:])
    )
    assert brought.times == 1
    assert any(each.said("it is fetched to the bastion first") for each in shipped)
    for session in sessions.values():
        await session.close()


async def test_what_could_not_be_fetched_is_said_and_fetched_anew_at_the_next_try(
    session: NodeSession, tmp_path: Path, there: Path
) -> None:
    (tmp_path / "database").write_bytes(LOOSE)
    shipment = Shipment(LargeFile(len(LOOSE), Brought(tmp_path / "database", 1).bring))
    with pytest.raises(StoreError, match="cannot be fetched"):
        await ship(shipment, session, there, LOOSE)
    await ship(shipment, session, there, LOOSE)


@pytest.mark.parametrize("damage", ["flipped", "cut short", "something else"])
async def test_a_copy_that_is_not_the_file_is_passed_over(
    session: NodeSession, tmp_path: Path, there: Path, damage: str
) -> None:
    content = bytearray(wrapped(LOOSE, ("tar",)))
    content[100_000] ^= 1
    damaged = {"flipped": bytes(content), "cut short": bytes(content[:200_000])}
    backup = tmp_path / "backup.tar"
    backup.write_bytes(damaged.get(damage, b"no tar at all"))
    elsewhere = Elsewhere(("tar",), {session.node.name: (str(backup),)})
    shipped = await ship(Shipment(local_file(tmp_path, LOOSE), elsewhere), session, there, LOOSE)
    assert shipped.said("that copy does not give the file") and shipped.said("$ send")


def test_a_copy_that_is_larger_takes_no_more_room_than_the_file(
    tmp_path: Path, there: Path
) -> None:
    backup = tmp_path / "backup.tar.gz"
    backup.write_bytes(wrapped(bytes(30 * BLOCK), ("gzip", "tar")))
    target = str(there / "snapshot.db")
    script = partial_scripts.copy_script(
        target, "0" * 64, 1000, 0o600, source=str(backup), wrappings=("gzip", "tar")
    )
    ran = subprocess.run(["sh", "-c", script], capture_output=True)
    assert ran.returncode == NOT_WHOLE
    assert (there / "snapshot.db.partial").stat().st_size == 1001


async def test_a_block_that_cannot_be_read_is_the_error_of_whoever_asked(tmp_path: Path) -> None:
    blocks = SharedBlocks(LargeFile(5 * BLOCK, lying_here(tmp_path / "gone")))
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            await blocks.block(0, packed=True)
