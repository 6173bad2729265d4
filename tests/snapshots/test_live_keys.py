"""What is read from a snapshot's file is what etcd answered when it was taken."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from recovery.errors import SnapshotError
from recovery.snapshots.live_keys import LiveKeys, list_live_keys
from tests.snapshots.conftest import History
from tests.snapshots.lone_etcd import CLEAN, LoneEtcd, programs, text64


@dataclass(frozen=True)
class Moment:
    """A snapshot, and what etcd itself said just then."""

    snapshot: Path
    hash_kv: int
    keys: list[tuple[bytes, int]]


def moment(etcd: LoneEtcd, path: Path) -> Moment:
    everything = text64("\0")
    found = etcd.ask("kv/range", key=everything, range_end=everything, keys_only=True)
    pairs = cast(list[dict[str, str]], found.get("kvs", []))
    return Moment(
        etcd.save(path),
        hash_kv(etcd),
        [(base64.b64decode(pair["key"]), int(pair["mod_revision"])) for pair in pairs],
    )


def hash_kv(etcd: LoneEtcd) -> int:
    """At the latest revision; the JSON gateway only has a hash over the whole file."""
    told = subprocess.run(
        [programs() / "etcdctl", "--endpoints", etcd._client, "endpoint", "hashkv", "-w", "json"],
        env=CLEAN,
        capture_output=True,
        check=True,
        timeout=30,
    )
    return cast(int, json.loads(told.stdout)[0]["HashKV"]["hash"])


def nothing(etcd: LoneEtcd) -> None:
    """An etcd as it was founded."""


def lives(etcd: LoneEtcd) -> None:
    lease = etcd.ask("lease/grant", TTL=10_000)["ID"]
    for start in range(0, 600, 100):
        numbers = range(start, start + 100)
        etcd.put_many([(f"/registry/pods/p-{number:04}", f"{number}" * 40) for number in numbers])
    etcd.put("/registry/leases/one", "v", lease=lease)
    etcd.put("not kubernetes", "")
    etcd.put("long" * 200, "a key of more than 127 bytes")
    etcd.put("huge", bytes(range(256)) * 5000)


def changes_and_deletes(etcd: LoneEtcd) -> None:
    for number in range(0, 40):
        etcd.put(f"/registry/pods/p-{number:04}", "changed")
    etcd.delete("/registry/pods/p-01", prefix=True)
    etcd.put("/registry/pods/p-0100", "created anew")


def compacts(etcd: LoneEtcd) -> None:
    etcd.ask("kv/compaction", revision=_revision(etcd), physical=True)


def overtakes_the_compaction(etcd: LoneEtcd) -> None:
    etcd.put("/registry/pods/p-0000", "once more")
    etcd.delete("/registry/pods/p-0001")


def deletes_everything(etcd: LoneEtcd) -> None:
    etcd.ask("kv/deleterange", key=text64("\0"), range_end=text64("\0"))


LIFE: tuple[Callable[[LoneEtcd], None], ...] = (
    nothing,
    lives,
    changes_and_deletes,
    compacts,
    overtakes_the_compaction,
    compacts,
    deletes_everything,
    compacts,
)


def _revision(etcd: LoneEtcd) -> int:
    header = cast(dict[str, str], etcd.ask("maintenance/status")["header"])
    return int(header["revision"])


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> list[Moment]:
    """One etcd, asked after each part of its life."""
    directory = tmp_path_factory.mktemp("moments")
    found = []
    with LoneEtcd(directory) as etcd:
        for number, part in enumerate(LIFE):
            part(etcd)
            found.append(moment(etcd, directory / f"{number}-{part.__name__}.db"))
    return found


@pytest.mark.parametrize("number", range(len(LIFE)), ids=[part.__name__ for part in LIFE])
async def test_keys_and_hash_are_those_that_etcd_told(
    moments: list[Moment], number: int, tmp_path: Path
) -> None:
    told = moments[number]
    live = await list_live_keys(told.snapshot, tmp_path / "keys")
    assert list(live.keys()) == told.keys
    assert live.count == len(told.keys)
    assert live.hash_kv == told.hash_kv


async def test_the_listing_is_for_its_owner_alone(moments: list[Moment], tmp_path: Path) -> None:
    live = await list_live_keys(moments[1].snapshot, tmp_path / "keys")
    assert live.listing.stat().st_mode & 0o777 == 0o600
    first = live.listing.read_text().splitlines()[0]
    assert re.fullmatch(r"([0-9a-f]{2})+ \d+", first)


async def test_an_empty_database_is_at_revision_one(moments: list[Moment], tmp_path: Path) -> None:
    live = await list_live_keys(moments[0].snapshot, tmp_path / "keys")
    assert live == LiveKeys(1, 0, moments[0].hash_kv, 0, tmp_path / "keys")


async def test_a_members_own_database_is_read_as_well(history: History, tmp_path: Path) -> None:
    own = await list_live_keys(history.own, tmp_path / "own")
    guarded = await list_live_keys(history.guarded, tmp_path / "guarded")
    assert (own.hash_kv, own.count) == (guarded.hash_kv, guarded.count)


async def test_another_value_gives_another_hash(history: History, tmp_path: Path) -> None:
    """The keys and their revisions alone would not tell."""
    forged = tmp_path / "forged.db"
    content = history.lived.read_bytes()
    forged.write_bytes(content.replace(b"pod 7 x", b"pod 7 y"))
    assert forged.read_bytes() != content
    was = await list_live_keys(history.lived, tmp_path / "was")
    became = await list_live_keys(forged, tmp_path / "became")
    assert list(was.keys()) == list(became.keys())
    assert was.hash_kv != became.hash_kv


async def test_damage_is_told_in_words(history: History, tmp_path: Path) -> None:
    short = tmp_path / "short.db"
    short.write_bytes(history.lived.read_bytes()[:-5000])
    with pytest.raises(SnapshotError, match="cut short"):
        await list_live_keys(short, tmp_path / "keys")


async def test_progress_is_told_and_cancelling_ends_the_reading(tmp_path: Path) -> None:
    with LoneEtcd(tmp_path) as etcd:
        for number in range(8):
            etcd.put(f"big-{number}", bytes([number]) * 1_400_000)
        snapshot = etcd.save(tmp_path / "big.db")
    heard: list[tuple[int, int]] = []
    reading = asyncio.create_task(
        list_live_keys(snapshot, tmp_path / "keys", lambda *told: heard.append(told))
    )
    await reading
    assert heard
    assert heard == sorted(heard)
    assert all(total == 2 * snapshot.stat().st_size >= done for done, total in heard)
    reading = asyncio.create_task(list_live_keys(snapshot, tmp_path / "again"))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
