"""From a catalog's snapshot or a location to a verified database here, over real SSH and S3."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recovery.backups.catalog import join
from recovery.backups.configuration import S3Storage
from recovery.backups.fetching import Fetching
from recovery.backups.known_verdicts import KnownVerdicts
from recovery.backups.model import Catalog, Copy, Integrity, Snapshot, StoreKind
from recovery.backups.node_store import NodeStore
from recovery.backups.reference import resolve_reference
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_store import S3Store
from recovery.backups.snapshot_cache import SnapshotCache
from recovery.backups.stores import Store
from recovery.errors import DiskError, NodeUnreachableError, SnapshotError, StoreError, UsageError
from recovery.snapshots.model import JudgedSnapshot
from recovery.ssh.session import NodeSession
from tests.backups.places import put_object
from tests.backups.real_snapshot import RealSnapshot, take_snapshot
from tests.ssh.servers import Account, InProcessServer

NAME = "snapshot-etcd-20261122-000000-10.0.0.11.tar"


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> RealSnapshot:
    return take_snapshot(tmp_path_factory.mktemp("etcd"))


def in_tar(database: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        entry = tarfile.TarInfo("backup/snapshot.db")
        entry.size = len(database)
        tar.addfile(entry, io.BytesIO(database))
    return stream.getvalue()


def with_a_flipped_value(database: bytes) -> bytes:
    at = database.index(b"x" * 500) + 100
    return database[:at] + b"y" + database[at + 1 :]


class Ground:
    """Two nodes, of which etcd-2 is down, a bucket, and a cache."""

    def __init__(self, stores: tuple[Store, ...], s3: S3Store, directory: Path) -> None:
        self.stores = stores
        self.s3 = s3
        self.directory = directory
        self.cache = SnapshotCache(directory / "cache")
        self.fetching = Fetching(stores, self.cache, KnownVerdicts(directory / "cache"))
        self.moved: list[str] = []

    def on_node(self, content: bytes, name: str = NAME) -> None:
        (self.directory / "backups" / name).write_bytes(content)

    def in_s3(self, content: bytes, name: str = NAME) -> None:
        put_object(self.s3, f"prod-a/{name}", content)

    async def snapshot(self, *more: Copy) -> Snapshot:
        copies = [*await self.stores[0].list(), *await self.s3.list(), *more]
        (snapshot,) = join(copies, [])
        return snapshot

    async def fetch(self, wanted: Snapshot | Copy):  # type: ignore[no-untyped-def]
        return await self.fetching.fetch(wanted, lambda what, *_: self.moved.append(what))

    async def judge(self, wanted: Snapshot | Copy) -> JudgedSnapshot:
        return await self.fetching.judge(wanted, lambda what, *_: self.moved.append(what))


@pytest.fixture
def ground(
    session: NodeSession,
    account: Account,
    server: InProcessServer,
    storage: S3Storage,
    keys: S3Keys,
    tmp_path: Path,
) -> Ground:
    backups = tmp_path / "backups"
    backups.mkdir()
    s3 = S3Store(storage, keys)
    down = NodeSession(account.node(server, "etcd-2", port=1, connect_timeout=1.0))
    stores = (NodeStore(session, str(backups)), NodeStore(down, str(backups)), s3)
    return Ground(stores, s3, tmp_path)


def fetching_without_stores(directory: Path) -> Fetching:
    """As on a bastion from which no node can be reached."""
    cache = directory / "cache"
    return Fetching((), SnapshotCache(cache), KnownVerdicts(cache))


def lost_copy(size: int) -> Copy:
    """The one on the node that went down after it was listed."""
    path = f"/cpaas/backup/{NAME}"
    return Copy(StoreKind.NODE, path, size, datetime(2026, 11, 22, tzinfo=UTC), node="etcd-2")


async def test_a_backup_on_a_node_is_fetched_unpacked_and_verified(
    ground: Ground, real: RealSnapshot
) -> None:
    ground.on_node(in_tar(real.saved))
    fetched = await ground.fetch(await ground.snapshot())
    assert fetched.name == NAME
    assert fetched.location == f"etcd-1:{ground.directory}/backups/{NAME}"
    assert fetched.verdict.integrity is Integrity.VERIFIED
    assert fetched.database.read_bytes() == real.saved
    assert fetched.sha256 == hashlib.sha256(real.saved).hexdigest()
    assert fetched.size == len(real.saved)
    assert fetched.unpacked_from == ("tar",)
    assert "fetching from etcd-1" in ground.moved


async def test_a_database_without_a_hash_is_told_apart(ground: Ground, real: RealSnapshot) -> None:
    ground.on_node(real.left_behind, "db-of-etcd-1.db")
    fetched = await ground.fetch(await ground.snapshot())
    assert fetched.verdict.integrity is Integrity.NO_HASH
    assert fetched.unpacked_from == ()


async def test_what_was_fetched_once_needs_no_place_to_answer(
    ground: Ground, real: RealSnapshot
) -> None:
    ground.on_node(in_tar(real.saved))
    snapshot = await ground.snapshot()
    first = await ground.fetch(snapshot)
    (ground.directory / "backups" / NAME).unlink()
    ground.moved.clear()
    assert await ground.fetch(snapshot) == first
    assert not any("fetching" in what for what in ground.moved)


async def test_a_node_that_went_down_leads_to_the_next_copy(
    ground: Ground, real: RealSnapshot
) -> None:
    ground.in_s3(in_tar(real.saved))
    snapshot = await ground.snapshot(lost_copy(len(in_tar(real.saved))))
    assert [copy.node for copy in snapshot.copies] == ["etcd-2", None]
    fetched = await ground.fetch(snapshot)
    assert fetched.location == f"s3://{ground.s3.storage.bucket}/prod-a/{NAME}"
    assert fetched.verdict.integrity is Integrity.VERIFIED


@pytest.mark.parametrize("wrap", [in_tar, gzip.compress, bytes])
async def test_a_corrupt_copy_leads_to_one_that_is_whole(
    ground: Ground, real: RealSnapshot, wrap: object
) -> None:
    assert callable(wrap)
    ground.on_node(wrap(with_a_flipped_value(real.saved)))
    ground.in_s3(wrap(real.saved))
    fetched = await ground.fetch(await ground.snapshot())
    assert fetched.location.startswith("s3://")
    assert fetched.verdict.integrity is Integrity.VERIFIED


async def test_a_copy_cut_short_leads_to_one_that_is_whole(
    ground: Ground, real: RealSnapshot
) -> None:
    ground.on_node(in_tar(real.saved)[:9000])
    ground.in_s3(in_tar(real.saved))
    ordered = await ground.snapshot()
    backwards = replace(ordered, copies=ordered.copies[::-1])
    for snapshot in (ordered, backwards):
        fetched = await ground.fetch(snapshot)
        assert fetched.location.startswith("s3://")
        assert fetched.verdict.integrity is Integrity.VERIFIED


async def test_where_all_copies_are_corrupt_the_verdict_says_so(
    ground: Ground, real: RealSnapshot
) -> None:
    bad = in_tar(with_a_flipped_value(real.saved))
    ground.on_node(bad)
    ground.in_s3(bad)
    fetched = await ground.fetch(await ground.snapshot(lost_copy(len(bad))))
    assert fetched.verdict.integrity is Integrity.CORRUPT
    assert "no other copy is good: etcd-2:" in (fetched.verdict.reason or "")
    # The same bytes from S3 are neither unpacked nor verified again.
    assert ground.moved.count("verifying") == 1
    assert ground.moved[-1] == "fetching from S3"


@pytest.mark.parametrize("content", [b"", b"<html>no</html>", in_tar(b"text")[:-3000]])
async def test_what_holds_no_database_is_no_snapshot(ground: Ground, content: bytes) -> None:
    ground.on_node(content)
    with pytest.raises(SnapshotError) as caught:
        await ground.fetch(await ground.snapshot())
    assert caught.value.where.startswith("etcd-1:")
    assert caught.value.remedy


async def test_where_no_copy_can_be_had_every_place_says_why(ground: Ground) -> None:
    ground.on_node(b"<html>no</html>")
    # Not a SnapshotError: the copy on the node that is down may well be good.
    with pytest.raises(StoreError) as caught:
        await ground.fetch(await ground.snapshot(lost_copy(15)))
    assert "none of its 2 copies can be used" in caught.value.what
    assert "etcd-1:" in caught.value.what
    assert "etcd-2:" in caught.value.what


async def test_a_record_without_a_file_cannot_be_fetched(ground: Ground) -> None:
    with pytest.raises(SnapshotError):
        await ground.fetch(Snapshot(NAME, None, ()))


async def test_a_location_outside_the_backup_directory_is_fetched(
    ground: Ground, real: RealSnapshot
) -> None:
    (ground.directory / "saved by hand.db").write_bytes(real.saved)
    reference = f"etcd-1:{ground.directory}/saved by hand.db"
    fetched = await ground.fetch(resolve_reference(reference, None))
    assert fetched.name == "saved by hand.db"
    assert fetched.verdict.integrity is Integrity.VERIFIED
    put_object(ground.s3, "elsewhere/x.db", real.saved)
    reference = f"s3://{ground.s3.storage.bucket}/elsewhere/x.db"
    fetched = await ground.fetch(resolve_reference(reference, None))
    assert fetched.location == reference
    assert fetched.verdict.integrity is Integrity.VERIFIED


async def test_a_file_here_needs_no_node(real: RealSnapshot, tmp_path: Path) -> None:
    file = tmp_path / "x.db.gz"
    file.write_bytes(gzip.compress(real.saved))
    copy = resolve_reference(str(file), None)
    fetched = await fetching_without_stores(tmp_path).fetch(copy)
    assert fetched.verdict.integrity is Integrity.VERIFIED
    assert fetched.location == str(file)
    assert fetched.unpacked_from == ("gzip",)


async def test_a_file_here_may_change_once_it_was_fetched(
    real: RealSnapshot, tmp_path: Path
) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(real.saved)
    copy = resolve_reference(str(file), None)
    fetching = fetching_without_stores(tmp_path)
    fetched = await fetching.fetch(copy)
    file.write_bytes(real.saved[:-1])
    assert fetched.database.read_bytes() == real.saved
    again = await fetching.fetch(resolve_reference(str(file), None))
    assert again.verdict.integrity is Integrity.CORRUPT


async def test_a_node_that_the_cluster_does_not_have_is_wrong_use(ground: Ground) -> None:
    with pytest.raises(UsageError):
        await ground.fetch(resolve_reference("etcd-9:/x.db", None))


async def test_a_named_copy_on_a_node_that_is_down_says_so(ground: Ground) -> None:
    with pytest.raises(NodeUnreachableError):
        await ground.fetch(resolve_reference("etcd-2:/x.db", None))


async def test_a_disk_without_room_here_is_not_blamed_on_the_copies(ground: Ground) -> None:
    with pytest.raises(DiskError):
        await ground.fetch(Snapshot(NAME, None, (lost_copy(1 << 60),)))


async def test_nothing_is_left_in_scratch(ground: Ground, real: RealSnapshot) -> None:
    ground.on_node(in_tar(real.saved)[:9000])
    ground.in_s3(in_tar(real.saved))
    await ground.fetch(await ground.snapshot())
    assert list((ground.directory / "cache" / "scratch").iterdir()) == []


async def test_a_node_reads_its_own_copy_and_nothing_is_moved(
    ground: Ground, real: RealSnapshot
) -> None:
    ground.on_node(real.saved, "one.db")
    judged = await ground.judge(await ground.snapshot())
    assert judged.in_place
    assert judged.verdict == (await ground.fetch(await ground.snapshot())).verdict
    assert ground.moved[0] == "reading on etcd-1"


async def test_what_a_node_cannot_read_where_it_lies_is_fetched(
    ground: Ground, real: RealSnapshot
) -> None:
    ground.on_node(gzip.compress(real.saved), "one.db.gz")
    judged = await ground.judge(await ground.snapshot())
    assert not judged.in_place
    assert judged.verdict.integrity is Integrity.VERIFIED
    assert "fetching from etcd-1" in ground.moved


async def test_a_corrupt_copy_read_where_it_lies_leads_to_one_that_is_whole(
    ground: Ground, real: RealSnapshot
) -> None:
    ground.on_node(with_a_flipped_value(real.saved), "one.db")
    ground.in_s3(real.saved, "one.db")
    judged = await ground.judge(await ground.snapshot())
    assert judged.location.startswith("s3://")
    assert judged.verdict.integrity is Integrity.VERIFIED


async def test_a_verdict_is_remembered_as_long_as_the_file_is_the_same(
    ground: Ground, real: RealSnapshot
) -> None:
    ground.on_node(real.saved, "one.db")
    first = await ground.judge(await ground.snapshot())
    later = Ground(ground.stores, ground.s3, ground.directory)
    assert (await later.judge(await later.snapshot())).verdict == first.verdict
    assert later.moved == []
    catalog = Catalog((await later.snapshot(),))
    known = KnownVerdicts(ground.directory / "cache")
    (snapshot,) = (await known.applied_to(catalog)).snapshots
    assert (snapshot.integrity, snapshot.revision) == (
        Integrity.VERIFIED,
        first.verdict.revision,
    )
    ground.on_node(real.saved[:-1], "one.db")
    (changed,) = (await known.applied_to(Catalog((await later.snapshot(),)))).snapshots
    assert changed.integrity is Integrity.UNVERIFIED
    judged = await later.judge(changed)
    assert judged.verdict.integrity is Integrity.CORRUPT


async def test_nothing_is_left_on_a_node_that_read_its_own_copy(
    ground: Ground, real: RealSnapshot, server: InProcessServer
) -> None:
    ground.on_node(real.saved, "one.db")
    before = sorted(ground.directory.rglob("*"))
    await ground.judge(await ground.snapshot())
    new = {path for path in ground.directory.rglob("*") if path not in before}
    assert all("cache" in path.parts for path in new)


async def test_a_node_reads_a_database_inside_a_tar(ground: Ground, real: RealSnapshot) -> None:
    ground.on_node(in_tar(real.saved))
    judged = await ground.judge(await ground.snapshot())
    assert judged.in_place
    assert judged.unpacked_from == ("tar",)
    fetched = await ground.fetch(await ground.snapshot())
    assert judged.verdict == fetched.verdict
    assert judged.verdict.sha256 == fetched.sha256
