"""Copies that become bad after they were judged: no member gets them, and a good one serves."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from recovery.backups.reference import resolve_reference
from recovery.incident import Incident
from recovery.inventory.load import load_inventory
from recovery.restore.events import ActionEnded, Event, Outcome
from recovery.restore.plan import Gate, Plan
from tests.faults.lab import KillPoint, Lab
from tests.faults.test_faulty_nodes import disk_of_its_own, resize
from tui.commands.executing import ConfirmedOperator

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]

INTERRUPTED = 4
BEFORE_DELIVERY = KillPoint("before", "action-started", "deliver-snapshot", 1)


class Saboteur(ConfirmedOperator):
    """Consents to everything, and does harm before the first yes."""

    def __init__(self, harm: Callable[[], None]) -> None:
        super().__init__(())
        self._harm: Callable[[], None] | None = harm

    async def consent(self, plan: Plan, gate: Gate) -> bool:
        if self._harm is not None:
            self._harm()
            self._harm = None
        return True


def _copies(lab: Lab) -> list[Path]:
    return [Path(node["paths"]["backups"]) / lab.snapshot for node in lab.demo.nodes()]


@contextmanager
def _whole_afterwards(lab: Lab, scratch: Path) -> Iterator[list[Path]]:
    """The copies on the nodes; whatever becomes of them, they are back in the end."""
    kept = scratch / "kept"
    shutil.copy2(_copies(lab)[0], kept)
    try:
        yield _copies(lab)
    finally:
        _bring_back(lab, scratch)


def _bring_back(lab: Lab, scratch: Path) -> None:
    for path in _copies(lab):
        shutil.copy2(scratch / "kept", path)


@pytest.fixture(name="newcomer")
def newcomer_fixture(lab: Lab, tmp_path: Path) -> Iterator[Lab]:
    """The same cluster from a bastion that has fetched nothing yet, and that has no S3."""
    home = tmp_path / "home"
    home.mkdir()
    whole = lab.demo.inventory.read_text()
    document = yaml.safe_load(whole)
    del document["clusters"][0]["backup"]["remoteStorage"]
    lab.demo.inventory.write_text(yaml.safe_dump(document))
    try:
        yield lab.elsewhere(home)
    finally:
        lab.demo.inventory.write_text(whole)


def replace_by_another_backup(lab: Lab, path: Path) -> None:
    """A good one, of the same size: a tar may end in any number of zero blocks."""
    listed = [each["name"] for each in lab.demo.json("snapshots")["snapshots"] if each["copies"]]
    older = path.with_name(listed[-1]).read_bytes()
    path.write_bytes(older + bytes(path.stat().st_size - len(older)))


def spoil(path: Path) -> None:
    """One byte of it is another one."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


async def _restored(lab: Lab, harm: Callable[[], None], events: list[Event]) -> Outcome:
    cluster = load_inventory(lab.demo.inventory).clusters[0]
    environment = {"HOME": str(lab.demo.home), "PATH": "/usr/bin:/bin"}
    async with Incident(cluster, environ=environment) as incident:
        await incident.look()
        await incident.list_snapshots(records=False)
        judged = await incident.ready(resolve_reference(lab.snapshot, incident.catalog))
        assert judged.in_place
        await incident.preflight(judged)
        run = incident.restore(incident.plan(judged), judged, Saboteur(harm), events.append)
        return await run.execute()


def _messages(events: list[Event]) -> dict[str, str]:
    ended = [each for each in events if isinstance(each, ActionEnded)]
    return {each.node or "": each.message for each in ended if each.outcome is Outcome.FAILED}


async def test_another_backup_under_the_same_name_is_passed_over_for_the_copies_of_the_others(
    newcomer: Lab, tmp_path: Path
) -> None:
    events: list[Event] = []
    with _whole_afterwards(newcomer, tmp_path) as copies:

        def harm() -> None:
            replace_by_another_backup(newcomer, copies[0])

        outcome = await _restored(newcomer, harm, events)
    assert outcome is Outcome.DONE, _messages(events)
    newcomer.has_exactly_the_snapshot()
    newcomer.good("runs", "clean")


async def test_where_no_copy_is_good_any_more_nothing_is_stopped_and_a_good_one_put_back_serves(
    newcomer: Lab, tmp_path: Path
) -> None:
    events: list[Event] = []
    with _whole_afterwards(newcomer, tmp_path) as copies:

        def harm() -> None:
            replace_by_another_backup(newcomer, copies[0])
            spoil(copies[1])
            copies[2].unlink()

        outcome = await _restored(newcomer, harm, events)
        assert outcome is Outcome.FAILED
        told = _messages(events)
        assert set(told) == {"etcd-1", "etcd-2", "etcd-3"}
        for message in told.values():
            assert newcomer.snapshot in message
            assert "not the file any more that was judged" in message
            assert "put a good copy back" in message
        assert not any("stop" in getattr(each, "step", "") for each in events)

        refused = newcomer.run("runs", "resume")
        assert refused.returncode == 3, refused.stderr
        assert "not the file any more that was judged" in refused.stderr
        assert "put a good copy back" in refused.stderr

        _bring_back(newcomer, tmp_path)
        newcomer.good("runs", "resume")
    newcomer.has_exactly_the_snapshot()
    newcomer.good("runs", "clean")


async def test_a_bastion_without_room_for_what_it_must_fetch_after_all_says_how_much_and_goes_on(
    newcomer: Lab, tmp_path: Path
) -> None:
    events: list[Event] = []
    cache = newcomer.demo.home / ".cache"
    cache.mkdir()
    with _whole_afterwards(newcomer, tmp_path) as copies, disk_of_its_own(cache) as disk:
        resize(disk, 2**20)
        outcome = await _restored(newcomer, lambda: spoil(copies[0]), events)
        assert outcome is Outcome.FAILED
        told = _messages(events)
        assert set(told) == {"etcd-1"}
        assert "this machine has no room" in told["etcd-1"]
        assert "XDG_CACHE_HOME" in told["etcd-1"]

        resize(disk, 64 * 2**20)
        newcomer.good("runs", "resume")
    newcomer.has_exactly_the_snapshot()
    assert "health is proven first" in newcomer.good("runs", "clean")


def test_a_run_is_resumed_though_its_first_copy_has_become_another_backup(
    newcomer: Lab, tmp_path: Path
) -> None:
    with _whole_afterwards(newcomer, tmp_path) as copies:
        newcomer.restore_killed(BEFORE_DELIVERY)
        replace_by_another_backup(newcomer, copies[0])
        newcomer.good("runs", "resume")
    newcomer.has_exactly_the_snapshot()
    newcomer.good("runs", "clean")


def test_a_run_is_resumed_though_the_node_whose_copy_was_judged_is_gone(newcomer: Lab) -> None:
    newcomer.restore_killed(BEFORE_DELIVERY)
    newcomer.fault("etcd-1", "off")
    try:
        resumed = newcomer.run("runs", "resume", "--without", "etcd-1")
    finally:
        newcomer.fault("etcd-1", "on")
    assert resumed.returncode == INTERRUPTED, resumed.stderr
    assert "is restored and runs on a majority" in resumed.stderr
    newcomer.good("runs", "resume")
    newcomer.has_exactly_the_snapshot()
    newcomer.good("runs", "clean")
