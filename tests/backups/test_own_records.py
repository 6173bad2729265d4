"""Records of backups taken without the platform: the same form, here and on the nodes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recovery.backups.own_records import FILE_NAME, MOST, SUCCESS, OwnRecords, entry_of
from recovery.inventory.model import Cluster
from recovery.ssh.fleet import Fleet
from tests.ssh.servers import Account, InProcessServer

AT = datetime(2026, 11, 22, tzinfo=UTC)


def name(hours: int) -> str:
    return f"snapshot-etcd-{AT + timedelta(hours=hours):%Y%m%d-%H%M%S}-10.0.0.11.tar"


def entry(hours: int, result: str = SUCCESS) -> dict[str, object]:
    return entry_of(name(hours), AT + timedelta(hours=hours), result, revision=hours)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "state/prod-a.json"


@pytest.fixture
def alone(here: Path) -> OwnRecords:
    """Records that are kept on this machine only."""
    return OwnRecords(Fleet(Cluster("prod-a", ())), {}, here, "prod-a")


def stored(path: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(path.read_text())["records"]
    return found


def written(path: Path) -> list[object]:
    return [each["fileName"] for each in stored(path)]


def put(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)


async def test_a_record_has_the_platforms_form_and_may_say_more(
    alone: OwnRecords, here: Path
) -> None:
    assert await alone.add(entry(1)) == ()
    (only,) = stored(here)
    assert only == {
        "backupTimestamp": "2026-11-22T01:00:00Z",
        "fileName": name(1),
        "result": "Success",
        "revision": 1,
        "cluster": "prod-a",
    }
    (record,) = await alone.read()
    assert record.succeeded
    assert record.backup_timestamp == AT + timedelta(hours=1)


async def test_of_failures_in_a_row_the_last_one_stays(alone: OwnRecords, here: Path) -> None:
    for hours, result in enumerate([SUCCESS, "Failed: a", "Failed: b", SUCCESS, "Failed: c"]):
        await alone.add(entry(hours, result))
    assert written(here) == [name(0), name(2), name(3), name(4)]


async def test_the_oldest_are_forgotten_beyond_a_bound(alone: OwnRecords, here: Path) -> None:
    entries = [entry(hours) for hours in range(MOST)]
    put(here, json.dumps({"records": entries}))
    await alone.add(entry(MOST))
    assert len(written(here)) == MOST
    assert written(here)[-1] == name(MOST)
    assert name(0) not in written(here)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"records": 5}', '{"records": [1, {}]}'])
async def test_a_file_that_is_none_is_begun_anew(
    alone: OwnRecords, here: Path, content: str
) -> None:
    put(here, content)
    assert await alone.read() == ()
    await alone.add(entry(1))
    assert written(here) == [name(1)]


async def test_entries_without_a_name_are_passed_over_and_cost_nothing_else(
    alone: OwnRecords, here: Path
) -> None:
    odd: list[dict[str, object]] = [{"fileName": ["a"]}, {"fileName": None}, {"fileName": 7}, {}]
    put(here, json.dumps({"records": [*odd, entry(1)]}))
    assert [each.file_name for each in await alone.read()] == [name(1)]
    assert await alone.forget([name(2)]) == ()
    assert written(here) == [name(1)]


async def test_each_place_has_them_all_and_one_that_is_away_hides_none(
    account: Account, server: InProcessServer, here: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    node = account.node(server)
    away = account.node(server, name="etcd-2", port=1, connect_timeout=1.0)
    async with Fleet(Cluster("prod-a", (node, away))) as fleet:
        directories = {node.name: str(directory), away.name: "/cpaas/backup"}
        records = OwnRecords(fleet, directories, here, "prod-a")
        await records.add(entry(1), [node.name])
        notes = await records.add(entry(2))
        assert len(notes) == 1
        assert away.name in notes[0]
        assert written(directory / FILE_NAME) == written(here) == [name(1), name(2)]
        another_machine = OwnRecords(fleet, directories, tmp_path / "elsewhere.json", "prod-a")
        assert [each.file_name for each in await another_machine.read()] == [name(1), name(2)]
        await another_machine.add(entry(3), [node.name])
        assert [each.file_name for each in await records.read()] == [name(1), name(2), name(3)]
        await records.forget([name(1), name(2)])
        assert written(directory / FILE_NAME) == [name(3)]

        sharing = OwnRecords(fleet, directories, tmp_path / "prod-b.json", "prod-b")
        assert await sharing.read() == ()
        await sharing.add(entry(4), [node.name])
        await sharing.forget([name(3)])
        assert [each.file_name for each in await sharing.read()] == [name(4)]
        assert [each.file_name for each in await records.read()] == [name(3)]
