"""What the facts mean."""

from __future__ import annotations

import dataclasses

from recovery.cluster.diagnosis import diagnose
from recovery.cluster.facts import ClusterState, Container, ServiceState
from recovery.cluster.node_words import node_summary
from tests.cluster.samples import (
    CLUSTER,
    DATA_DIR,
    NAMES,
    cluster_facts,
    member,
    node_facts,
    quorum_lost,
    wrecked,
)


def test_before_the_first_look_nothing_is_claimed() -> None:
    assert diagnose(None, CLUSTER).state is ClusterState.UNKNOWN


def test_three_members_with_one_leader_are_healthy() -> None:
    diagnosis = diagnose(cluster_facts(), CLUSTER)
    assert (diagnosis.state, diagnosis.label) == (ClusterState.HEALTHY, "HEALTHY 3/3")


def test_two_of_three_are_degraded_and_the_advice_is_not_to_restore() -> None:
    diagnosis = diagnose(cluster_facts(silent=("etcd-2",)), CLUSTER)
    assert diagnosis.label == "DEGRADED 2/3"
    assert "not restore" in diagnosis.advice
    assert "etcd-2" in diagnosis.advice


def test_one_member_without_a_leader_means_quorum_is_lost() -> None:
    diagnosis = diagnose(quorum_lost(), CLUSTER)
    assert diagnosis.label == "QUORUM LOST 1/3"
    assert "Restore" in diagnosis.advice


def test_three_members_without_a_leader_have_no_quorum_and_all_of_their_data() -> None:
    members = {name: member(name, leader_id=0) for name in NAMES}
    diagnosis = diagnose(cluster_facts(members=members), CLUSTER)
    assert diagnosis.label == "QUORUM LOST, DATA INTACT 3/3"
    assert "do not reach each other" in diagnosis.advice


def test_a_lone_leader_of_its_own_cluster_is_not_a_quorum() -> None:
    facts = cluster_facts(nodes=wrecked("etcd-2", "etcd-3"), silent=("etcd-2", "etcd-3"))
    diagnosis = diagnose(facts, CLUSTER)
    assert diagnosis.state is ClusterState.QUORUM_LOST
    assert "cluster of its own" in diagnosis.sentence


def test_members_of_different_clusters_do_not_count_together() -> None:
    members = {
        "etcd-1": member("etcd-1", cluster_id=1, leader_id=1),
        "etcd-2": member("etcd-2", cluster_id=2, leader_id=2),
        "etcd-3": member("etcd-3", leader_id=0),
    }
    assert diagnose(cluster_facts(members=members), CLUSTER).state is ClusterState.QUORUM_LOST


def test_a_member_that_sees_a_leader_proves_quorum_on_nodes_out_of_reach() -> None:
    diagnosis = diagnose(cluster_facts(unreachable=("etcd-2", "etcd-3")), CLUSTER)
    assert diagnosis.state is ClusterState.DEGRADED


def test_quorum_is_not_called_lost_while_it_may_live_out_of_reach() -> None:
    facts = cluster_facts(unreachable=("etcd-2", "etcd-3"), silent=("etcd-1",))
    diagnosis = diagnose(facts, CLUSTER)
    assert diagnosis.state is ClusterState.UNREACHABLE
    assert "may still serve" in diagnosis.sentence


def test_quorum_is_not_called_lost_over_certificates() -> None:
    facts = dataclasses.replace(
        cluster_facts(silent=("etcd-1", "etcd-2", "etcd-3")),
        mistrusted=frozenset({"etcd-1", "etcd-2", "etcd-3"}),
        silent=dict.fromkeys(("etcd-1", "etcd-2", "etcd-3"), "its certificate has expired"),
    )
    diagnosis = diagnose(facts, CLUSTER)
    assert diagnosis.state is ClusterState.UNREACHABLE
    assert "On etcd-1, its certificate has expired" in diagnosis.advice


def test_members_that_cannot_be_asked_are_not_called_dead_because_a_third_answers() -> None:
    facts = dataclasses.replace(
        cluster_facts(
            silent=("etcd-2", "etcd-3"), members={"etcd-1": member("etcd-1", leader_id=0)}
        ),
        mistrusted=frozenset({"etcd-2", "etcd-3"}),
    )
    assert diagnose(facts, CLUSTER).state is ClusterState.UNREACHABLE


def test_quorum_is_lost_where_every_member_is_seen_dead() -> None:
    facts = cluster_facts(nodes=wrecked(*NAMES), silent=NAMES)
    assert diagnose(facts, CLUSTER).label == "QUORUM LOST 0/3"


def test_no_reachable_node_is_unreachable_with_the_common_reason() -> None:
    diagnosis = diagnose(cluster_facts(unreachable=("etcd-1", "etcd-2", "etcd-3")), CLUSTER)
    assert diagnosis.label == "UNREACHABLE 0/3"
    assert "connection refused" in diagnosis.sentence


def test_an_alarm_or_a_learner_is_not_healthy() -> None:
    alarmed = cluster_facts(members={"etcd-1": member("etcd-1", errors=("alarm:NOSPACE",))})
    assert "NOSPACE" in diagnose(alarmed, CLUSTER).sentence
    learning = cluster_facts(members={"etcd-2": member("etcd-2", learner=True)})
    assert diagnose(learning, CLUSTER).state is ClusterState.DEGRADED


def test_a_node_is_summed_up_in_a_few_words() -> None:
    empty = dataclasses.replace(DATA_DIR, member_exists=False, database_size=None)
    facts = cluster_facts(
        members={"etcd-1": member("etcd-1", leader_id=0)},
        nodes={"etcd-2": node_facts("etcd-2", data_dir=empty)},
        silent=("etcd-2",),
        unreachable=("etcd-3",),
    )
    assert node_summary(facts, "etcd-1") == "etcd running, no leader"
    assert node_summary(facts, "etcd-2") == "no data"
    assert node_summary(facts, "etcd-3") == "unreachable: connection refused"
    assert node_summary(cluster_facts(), "etcd-1") == "etcd running, leader"
    exited = (Container("a", "etcd", "CONTAINER_EXITED", 7),)
    broken = cluster_facts(
        nodes={
            "etcd-1": node_facts("etcd-1", containers=exited),
            "etcd-2": node_facts("etcd-2", containers=(), kubelet=ServiceState.INACTIVE),
            "etcd-3": node_facts("etcd-3", manifest=None, manifest_error="absent"),
        },
        silent=("etcd-1", "etcd-2", "etcd-3"),
    )
    assert node_summary(broken, "etcd-1") == "etcd keeps exiting"
    assert node_summary(broken, "etcd-2") == "etcd stopped, kubelet stopped"
    assert node_summary(broken, "etcd-3") == "no usable etcd manifest"
