"""The checks of database sizes, watches and objects per resource, from what members answered."""

from __future__ import annotations

import dataclasses

import pytest

from recovery.errors import EtcdError
from recovery.health.database_checks import database_checks
from recovery.health.expected import Expected
from recovery.health.member_answers import WriteAnswer
from recovery.health.member_checks import watch_check
from recovery.health.model import CheckStatus
from recovery.health.resource_checks import compare_resources, key_prefixes
from recovery.snapshots.model import CountedName, SnapshotContents
from tests.cluster.samples import member, node_facts

OK, WARNING, FAILED, SKIPPED = (
    CheckStatus.OK,
    CheckStatus.WARNING,
    CheckStatus.FAILED,
    CheckStatus.SKIPPED,
)


@pytest.mark.parametrize(
    ("size", "status"),
    [(0, FAILED), (10 * 2**20, OK), (1800 * 2**20, WARNING), (2 * 2**30, FAILED)],
)
def test_a_database_is_measured_by_its_quota(size: int, status: CheckStatus) -> None:
    manifest = node_facts("etcd-1").manifest
    assert manifest is not None
    one = dataclasses.replace(member("etcd-1"), database_size=size)
    (check,) = database_checks({"etcd-1": one}, {"etcd-1": manifest})
    assert check.status is status
    assert size == 0 or "of 2.0 GiB" in check.meaning


def test_a_member_s_own_word_about_its_quota_goes_before_its_manifest() -> None:
    manifest = node_facts("etcd-1").manifest
    assert manifest is not None
    one = member("etcd-1", database_size=50, quota=100)
    (check,) = database_checks({"etcd-1": one}, {"etcd-1": manifest})
    assert check.message == "50 B, 50 %"
    (silent,) = database_checks({"etcd-1": EtcdError("no answer")}, {})
    assert silent.status is SKIPPED


def test_a_watch_that_says_nothing_on_one_member_fails() -> None:
    names = ["etcd-1", "etcd-2"]
    told = WriteAnswer("etcd-1", 7, ("etcd-1", "etcd-2"), removed=True, watched_on=tuple(names))
    assert watch_check(told, names).status is OK
    half = dataclasses.replace(told, watched_on=("etcd-1",), unwatched={"etcd-2": "no answer"})
    assert watch_check(half, names).status is FAILED
    assert "etcd-2: no answer" in watch_check(half, names).message
    unwritten = WriteAnswer("etcd-1", failures={"etcd-1": "no space"})
    assert watch_check(unwritten, names).status is SKIPPED


def test_objects_are_compared_resource_by_resource() -> None:
    wanted = {"pods": 10, "secrets": 4, "a": 1, "b": 1, "c": 1}
    assert compare_resources(wanted, wanted, exact=True).status is OK
    fewer = {"pods": 3, "secrets": 4, "a": 0, "b": 0, "c": 0}
    check = compare_resources(fewer, wanted, exact=True)
    assert check.status is FAILED
    assert check.message == "pods 3 of 10, a 0 of 1, b 0 of 1 and 1 more"
    assert compare_resources(fewer, wanted, exact=False).status is WARNING
    # Keys that are no objects may lie there as well; all keys together are counted elsewhere.
    more = {name: count + 1 for name, count in wanted.items()}
    assert compare_resources(more, wanted, exact=True).status is OK


def test_a_resource_is_looked_for_where_kubernetes_stores_it() -> None:
    assert key_prefixes("pods") == (b"/registry/pods/",)
    assert key_prefixes("nodes") == (b"/registry/minions/",)
    assert key_prefixes("services") == (b"/registry/services/specs/",)
    assert key_prefixes("widgets.apps.example.com")[0] == b"/registry/apps.example.com/widgets/"


def test_what_is_expected_takes_the_resources_from_the_snapshot() -> None:
    contents = SnapshotContents(
        5, 4, 3, 100, "3.5.0", (), (), resources=(CountedName("pods", 2, 10),)
    )
    assert Expected.of(contents).resources == (("pods", 2),)
