"""NOSPACE on real members, raised by a quota that is really full, and really cleared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from recovery.cluster.etcd_client import MemberClient, connected
from recovery.cluster.space_quota import DEFAULT_QUOTA, space_quota
from recovery.errors import EtcdError
from recovery.health.checks import check_members
from recovery.health.model import Check, CheckStatus
from recovery.health.space_alarm import apart_from_no_space
from recovery.inventory.model import Cluster
from recovery.restore.alarm_clearing import AlarmClearing
from recovery.restore.plan import Watch
from recovery.ssh.fleet import Fleet
from tests.cluster.etcd_members import RealCluster
from tests.cluster.node_programs import furnish
from tests.cluster.ssh_nodes import ssh_node
from tests.cluster.waiting import until_serving

IN_ORDER = (Watch.HISTORY_DROPPED, Watch.DEFRAGMENTED, Watch.ALARM_CLEARED)
QUOTA = 2 * 2**20


class Full:
    """Three members that refuse writes, and who clears their alarm."""

    def __init__(self, etcd: RealCluster, fleet: Fleet, client: MemberClient) -> None:
        self.etcd = etcd
        self.fleet = fleet
        self.client = client
        self.manifests = {name: etcd.manifest(name) for name in etcd.members}
        self.notes: list[str] = []

    async def fill(self, keys: int) -> int:
        """Write values to so many keys in turn until etcd refuses; the revision then."""
        revision = 0
        try:
            for number in range(1000):
                key = b"/registry/%d" % (number % keys)
                revision = await self.client.put(key, b"x" * 100_000)
        except EtcdError as error:
            assert "NOSPACE" in error.what
            return revision
        raise AssertionError("the quota was never reached")

    async def do(self, what: Watch, revision: int, *, full: bool = False) -> dict[str, str]:
        clearing = AlarmClearing(self.fleet, self.manifests, revision, full=full)
        return await clearing.do(what, 60, lambda node, words: self.notes.append(words))

    async def bad(self) -> dict[tuple[str, str], str]:
        return troubles(await check_members(self.fleet, self.manifests))


def troubles(checks: tuple[Check, ...]) -> dict[tuple[str, str], str]:
    return {(c.scope, c.name): c.message for c in checks if c.status is not CheckStatus.OK}


@pytest.fixture(name="full")
async def full_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Full]:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    etcd = RealCluster(tmp_path / "etcd")
    for member in etcd.members.values():
        member.quota = QUOTA
    async with AsyncExitStack() as stack:
        stack.callback(etcd.stop)
        etcd.start()
        nodes = []
        for name, member in etcd.members.items():
            (tmp_path / name).mkdir()
            paths = furnish(tmp_path / name, member, etcd.initial_cluster)
            nodes.append(await stack.enter_async_context(ssh_node(name, tmp_path / name, paths)))
        fleet = await stack.enter_async_context(Fleet(Cluster("prod-a", tuple(nodes))))
        await until_serving(etcd)
        one = etcd.members["etcd-1"]
        client = await stack.enter_async_context(connected("etcd-1", one.target, one.certificates))
        yield Full(etcd, fleet, client)


async def test_it_is_cleared_in_etcds_own_order_and_may_be_done_twice(full: Full) -> None:
    revision = await full.fill(keys=2)
    checks = await check_members(full.fleet, full.manifests)
    assert ("cluster", "a write") in troubles(checks)
    assert troubles(apart_from_no_space(checks)) == {}

    for what in IN_ORDER:
        assert await full.do(what, revision) == {}
        assert await full.do(what, revision) == {}
    assert full.notes.count(f"the history before revision {revision} is dropped") == 1
    assert full.notes.count(f"the history before revision {revision} is gone already") == 1
    assert full.notes.count("no alarm NOSPACE is raised") == 1
    assert await full.bad() == {}
    assert await full.client.count(b"/registry/", revision=revision) == 2
    for what in IN_ORDER:
        assert await full.do(what, revision) == {}


async def test_room_is_made_before_the_alarm_is_raised_where_the_database_fills_the_quota(
    full: Full,
) -> None:
    for number in range(10):
        revision = await full.client.put(b"/registry/%d" % (number % 2), b"x" * 100_000)
    size = 0
    async with asyncio.timeout(20):
        # etcd commits what was written to its database a moment later.
        while size < 10 * 100_000:
            size = (await full.client.status()).database_size
    assert await full.client.alarms() == ()
    for what in IN_ORDER:
        assert await full.do(what, revision, full=True) == {}
    assert "the alarm NOSPACE is not raised" in full.notes
    assert (await full.client.status()).database_size < size
    assert await full.bad() == {}


async def test_keys_that_fill_the_quota_by_themselves_are_told_with_the_remedy(
    full: Full,
) -> None:
    revision = await full.fill(keys=1000)
    full.etcd.stop()
    for member in full.etcd.members.values():
        member.quota = QUOTA // 2
    full.manifests = {name: full.etcd.manifest(name) for name in full.etcd.members}
    full.etcd.start()
    await until_serving(full.etcd)
    assert await full.do(Watch.HISTORY_DROPPED, revision) == {}
    assert await full.do(Watch.DEFRAGMENTED, revision) == {}
    told = await full.do(Watch.ALARM_CLEARED, revision)
    (words,) = told.values()
    assert "--quota-backend-bytes" in words
    assert ("cluster", "a write") in await full.bad()


def test_the_quota_is_the_flags_or_etcds_own(tmp_path: Path) -> None:
    etcd = RealCluster(tmp_path)
    quotas = []
    for quota in (QUOTA, 0, -1):
        etcd.members["etcd-1"].quota = quota
        quotas.append(space_quota(etcd.manifest("etcd-1")))
    assert quotas == [QUOTA, DEFAULT_QUOTA, None]
