"""Which member is asked for a backup."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recovery.backups.choosing_member import (
    address_in_name,
    cluster_addresses,
    disagreement,
    members_to_ask,
)
from recovery.cluster.agreement import Agreement, Reading
from recovery.cluster.facts import ClusterFacts
from recovery.errors import RefusedError
from recovery.inventory.model import Node
from tests.cluster.samples import CLUSTER, cluster_facts, member, node_facts, quorum_lost


def asked(facts: ClusterFacts) -> tuple[str, ...]:
    return members_to_ask(facts, CLUSTER)


def test_followers_come_before_the_leader() -> None:
    assert asked(cluster_facts()) == ("etcd-2", "etcd-3", "etcd-1")


def test_the_follower_that_has_applied_most_comes_first() -> None:
    ahead = member("etcd-3", raft_index=501)
    assert asked(cluster_facts(members={"etcd-3": ahead}))[0] == "etcd-3"


def test_where_the_followers_are_away_the_leader_is_asked() -> None:
    alone = cluster_facts(silent=("etcd-3",))
    assert asked(alone) == ("etcd-2", "etcd-1")


def test_a_learner_a_corrupt_member_and_who_follows_another_leader_are_left_out() -> None:
    learner = member("etcd-2", learner=True)
    assert asked(cluster_facts(members={"etcd-2": learner})) == ("etcd-3", "etcd-1")
    alarm = "memberID:2 alarm:CORRUPT "
    reports = {f"etcd-{i}": member(f"etcd-{i}", errors=(alarm,)) for i in (1, 2, 3)}
    assert asked(cluster_facts(members=reports)) == ("etcd-3", "etcd-1")
    astray = member("etcd-2", leader_id=9)
    assert asked(cluster_facts(members={"etcd-2": astray})) == ("etcd-3", "etcd-1")


def agreement(**hashes: int) -> Agreement:
    readings = {name.replace("_", "-"): Reading(100, 100, found) for name, found in hashes.items()}
    return Agreement(100, readings)


def test_a_member_that_holds_other_data_than_most_is_left_out_and_told() -> None:
    facts = replace(cluster_facts(), agreement=agreement(etcd_1=7, etcd_2=8, etcd_3=7))
    assert asked(facts) == ("etcd-3", "etcd-1")
    assert disagreement(facts).startswith(
        "the members do not agree: etcd-1 and etcd-3, and other data than etcd-2"
    )
    undecided = replace(cluster_facts(), agreement=agreement(etcd_1=7, etcd_2=8, etcd_3=9))
    assert len(asked(undecided)) == 3
    assert disagreement(undecided)
    agreed = replace(cluster_facts(), agreement=agreement(etcd_1=7, etcd_2=7, etcd_3=7))
    assert disagreement(agreed) == ""


def test_an_address_that_a_backups_name_may_carry_is_the_clusters_though_its_node_is_away() -> None:
    facts = cluster_facts(unreachable=("etcd-2",))
    addresses = cluster_addresses(facts, CLUSTER)
    for name, known in cluster_facts().nodes.items():
        assert known.manifest is not None
        node = next(node for node in CLUSTER.control_plane if node.name == name)
        assert address_in_name(known.manifest, node) in addresses


def test_a_cluster_without_space_is_backed_up_all_the_same() -> None:
    alarm = "memberID:2 alarm:NOSPACE "
    reports = {f"etcd-{i}": member(f"etcd-{i}", errors=(alarm,)) for i in (1, 2, 3)}
    assert asked(cluster_facts(members=reports))[0] == "etcd-2"


def test_a_member_that_stalls_is_asked_last() -> None:
    stalls = member("etcd-2", errors=("a read fails: no answer within 2.5 s",))
    assert asked(cluster_facts(members={"etcd-2": stalls}))[-1] == "etcd-2"


@pytest.mark.parametrize(
    "facts", [quorum_lost(), cluster_facts(unreachable=("etcd-1", "etcd-2", "etcd-3"))]
)
def test_without_a_quorum_it_is_refused_and_said_what_can_be_done(facts: ClusterFacts) -> None:
    with pytest.raises(RefusedError) as caught:
        asked(facts)
    assert caught.value.what.startswith("no backup can be taken: ")
    assert "snapshots" in caught.value.remedy


def test_the_name_carries_the_address_that_the_member_advertises() -> None:
    manifest = node_facts("etcd-2").manifest
    assert manifest is not None
    by_name = Node("etcd-2", "etcd-2.example.com")
    assert address_in_name(manifest, by_name) == "10.0.0.12"
    named = replace(
        manifest,
        initial_advertise_peer_urls=("https://etcd-2:2380",),
        advertise_client_urls=("https://[fd00::2]:2379",),
    )
    assert address_in_name(named, by_name) == "fd00::2"
    nowhere = replace(
        named, advertise_client_urls=("https://0.0.0.0:2379", "http://x:99999", "https://[x")
    )
    assert address_in_name(nowhere, Node("etcd-2", "10.0.0.12")) == "10.0.0.12"
