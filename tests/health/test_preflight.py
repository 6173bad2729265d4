"""What preflight lets pass, warns about, and blocks."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from recovery.cluster.facts import ClusterFacts, EtcdTool, ServiceState, ToolKind, Version
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus
from recovery.health.preflight import preflight
from recovery.health.preflight_cluster import QUORUM
from recovery.health.preflight_snapshot import richer_snapshot
from recovery.snapshots.model import SnapshotContents, SnapshotMember
from tests.cluster.samples import (
    CLUSTER,
    DATA_DIR,
    NAMES,
    WRECKED,
    cluster_facts,
    node_facts,
    quorum_lost,
)

SIZE = 200 * 2**20
CONTENTS = SnapshotContents(
    revision=100,
    keys=50,
    live_keys=40,
    database_size=SIZE,
    cluster_version="3.5.0",
    members=tuple(
        SnapshotMember(number, name, (f"https://10.0.0.1{number}:2380",))
        for number, name in enumerate(NAMES, 1)
    ),
    alarms=(),
    nodes=(*NAMES, "worker-1"),
    authorities=("c" * 64,),
)
NEWER = EtcdTool(ToolKind.ETCDUTL, "/usr/local/bin/etcdutl", Version(3, 5, 21), True, True)


def lost(**nodes: object) -> ClusterFacts:
    """Quorum lost, all else as it should be, but for the changes to single nodes."""
    facts = quorum_lost()
    usual = {name: dataclasses.replace(facts.nodes[name], tools=(NEWER,)) for name in NAMES}
    for name, changes in ((n.replace("_", "-"), c) for n, c in nodes.items()):
        assert isinstance(changes, dict)
        node = dataclasses.replace(usual[name], **changes)
        if node.data_dir is not None and name != "etcd-1":
            # Whatever else is the matter, no etcd could start from it.
            wrecked = dataclasses.replace(node.data_dir, fault=WRECKED.fault)
            node = dataclasses.replace(node, data_dir=wrecked)
        usual[name] = node
    return dataclasses.replace(facts, nodes=usual)


def judge(
    facts: ClusterFacts, contents: SnapshotContents = CONTENTS, has_hash: bool = True
) -> dict[tuple[str, str], Check]:
    checks = preflight(facts, contents, SIZE, has_hash)
    found = {(check.scope, check.name): check for check in checks}
    assert len(found) == len(checks)
    for check in checks:
        assert len(check.name) <= 22
        if check.status is not CheckStatus.OK:
            assert check.meaning and check.remedy, check
    return found


def troubles(checks: dict[tuple[str, str], Check]) -> dict[tuple[str, str], CheckStatus]:
    return {key: c.status for key, c in checks.items() if c.status is not CheckStatus.OK}


WARNING, FAILED = CheckStatus.WARNING, CheckStatus.FAILED


def test_a_cluster_that_lost_quorum_and_nothing_else_passes() -> None:
    assert troubles(judge(lost())) == {}


def test_a_living_quorum_must_be_read_before_going_on() -> None:
    facts = dataclasses.replace(cluster_facts(), nodes=lost().nodes)
    check = judge(facts)[CLUSTER_SCOPE, "quorum"]
    assert check.status is WARNING
    assert check.must_be_acknowledged
    assert "the cluster is not lost" in check.message
    assert "rolls everything back" in check.meaning
    assert "0 revisions (100 in the snapshot, 100 now)" in check.meaning
    assert "etcd-rescue backup now" in check.remedy


def test_what_a_restore_of_a_living_cluster_undoes_is_counted_and_dated() -> None:
    facts = dataclasses.replace(cluster_facts(), nodes=lost().nodes)
    taken = facts.gathered_at - timedelta(hours=14, minutes=20)
    older = dataclasses.replace(CONTENTS, revision=40)
    (check,) = [
        one for one in preflight(facts, older, SIZE, True, taken_at=taken) if one.name == QUORUM
    ]
    assert "14 hours, 60 revisions (40 in the snapshot, 100 now)" in check.meaning


def test_revisions_that_a_restore_has_raised_are_not_counted_as_written() -> None:
    facts = dataclasses.replace(cluster_facts(), nodes=lost().nodes)
    raised = dataclasses.replace(CONTENTS, revision=1_000_000_100)
    check = judge(facts, raised)[CLUSTER_SCOPE, QUORUM]
    assert "nobody can count it" in check.meaning


def test_one_node_out_of_reach_must_be_acknowledged_with_its_own_reason() -> None:
    facts = cluster_facts(unreachable=("etcd-3",), silent=("etcd-2",))
    check = judge(facts)["etcd-3", "reachable"]
    assert (check.status, check.message) == (WARNING, "connection refused")
    assert check.must_be_acknowledged
    assert "a majority" in check.meaning


def test_without_a_majority_of_the_nodes_nothing_is_restored() -> None:
    facts = cluster_facts(unreachable=("etcd-2", "etcd-3"))
    check = judge(facts)["etcd-3", "reachable"]
    assert (check.status, check.message) == (FAILED, "connection refused")


@pytest.mark.parametrize(
    ("changes", "check", "status"),
    [
        ({"is_root": False}, "root", FAILED),
        ({"hostname": "other"}, "host name", WARNING),
        ({"hostname": "ETCD-2"}, "host name", None),
        ({"hostname": "other", "manifest": None}, "host name", FAILED),
        ({"clock_offset": 3.0}, "clock", WARNING),
        ({"clock_offset": -90.0}, "clock", FAILED),
        ({"clock_offset": 3.0, "clock_doubt": 2.0}, "clock", None),
        ({"clock_offset": -90.0, "clock_doubt": 2.0}, "clock", FAILED),
        ({"manifest": None, "manifest_error": "it is missing"}, "etcd manifest", FAILED),
        ({"data_dir": None}, "data directory", FAILED),
        ({"kubelet": ServiceState.MISSING}, "kubelet", FAILED),
        ({"kubelet": ServiceState.FAILED}, "kubelet", WARNING),
        ({"containers_error": "crictl is not on this node's PATH"}, "container runtime", FAILED),
    ],
)
def test_a_nodes_trouble_is_found(
    changes: dict[str, object], check: str, status: CheckStatus | None
) -> None:
    found = troubles(judge(lost(etcd_2=changes)))
    assert found.get(("etcd-2", check)) is status


def test_a_manifest_that_was_moved_away_is_put_back_from_where_it_lies() -> None:
    gone = {"manifest": None, "manifest_error": "it is missing"}
    moved = gone | {"manifest_elsewhere": "/root/old etcd.yaml"}
    check = judge(lost(etcd_2=moved))["etcd-2", "etcd manifest"]
    path = CLUSTER.node("etcd-2").paths.etcd_manifest
    assert check.remedy == f"put it back: mv '/root/old etcd.yaml' {path}"
    assert "another node's copy" in judge(lost(etcd_2=gone))["etcd-2", "etcd manifest"].remedy


def test_space_is_counted_once_where_staging_and_data_share_a_disk() -> None:
    tight = dataclasses.replace(DATA_DIR, free=2 * SIZE, work_free=2 * SIZE)
    assert judge(lost(etcd_1={"data_dir": tight}))["etcd-1", "disk space"].status is FAILED
    apart = dataclasses.replace(tight, free=3 * SIZE, work_free=3 * SIZE, work_device=2)
    found = judge(lost(etcd_1={"data_dir": apart}))
    assert found["etcd-1", "disk space"].status is CheckStatus.OK
    assert found["etcd-1", "staging space"].status is CheckStatus.OK


def test_a_data_directory_on_its_own_mount_is_fine_and_a_foreign_device_is_not() -> None:
    mount = dataclasses.replace(DATA_DIR, is_mount=True, device=9)
    assert troubles(judge(lost(etcd_1={"data_dir": mount}))) == {}
    foreign = dataclasses.replace(DATA_DIR, device=9)
    assert judge(lost(etcd_1={"data_dir": foreign}))["etcd-1", "data directory"].status is FAILED
    absent = dataclasses.replace(DATA_DIR, exists=False, member_exists=False)
    assert judge(lost(etcd_1={"data_dir": absent}))["etcd-1", "data directory"].status is WARNING


def test_a_program_may_come_from_another_node_of_the_same_architecture() -> None:
    assert troubles(judge(lost(etcd_1={"tools": ()}))) == {}
    carried = judge(lost(etcd_1={"tools": ()}))["etcd-1", "restore program"]
    assert "from etcd-2" in carried.message
    alone = judge(lost(etcd_1={"tools": (), "architecture": "aarch64"}))
    assert alone["etcd-1", "restore program"].status is FAILED


def test_programs_that_cannot_raise_revisions_or_leave_learners_warn() -> None:
    old = EtcdTool(ToolKind.ETCDUTL, "/x/etcdutl", Version(3, 5, 1), True, False)
    found = troubles(judge(lost(**{n.replace("-", "_"): {"tools": (old,)} for n in NAMES})))
    assert found[CLUSTER_SCOPE, "revision bump"] is WARNING
    assert found[CLUSTER_SCOPE, "restored as learners"] is WARNING


@pytest.mark.parametrize(("size", "status"), [(1, WARNING), (2, FAILED), (5, FAILED)])
def test_only_three_control_plane_nodes_are_documented(size: int, status: CheckStatus) -> None:
    nodes = (CLUSTER.control_plane * 2)[:size]
    facts = dataclasses.replace(
        lost(), cluster=dataclasses.replace(CLUSTER, control_plane=tuple(nodes))
    )
    checks = preflight(facts, CONTENTS, SIZE, True)
    check = next(c for c in checks if c.name == "control-plane nodes")
    assert check.status is status
    if status is FAILED:
        assert "support" in check.remedy
        assert f"--allow-node-count {size}" in check.remedy


@pytest.mark.parametrize(
    ("size", "allowed", "status"),
    [
        (5, 5, WARNING),
        (5, 3, FAILED),
        (3, 5, FAILED),
        (3, 3, None),
        (1, 1, WARNING),
        (2, 2, WARNING),
    ],
)
def test_another_number_of_nodes_is_allowed_only_by_its_name(
    size: int, allowed: int, status: CheckStatus | None
) -> None:
    nodes = (CLUSTER.control_plane * 2)[:size]
    facts = dataclasses.replace(
        lost(), cluster=dataclasses.replace(CLUSTER, control_plane=tuple(nodes))
    )
    checks = preflight(facts, CONTENTS, SIZE, True, allow_node_count=allowed)
    check = next(c for c in checks if c.name == "control-plane nodes")
    assert check.status is (status or CheckStatus.OK)
    assert status is None or size == 1 or "support" in check.remedy


def test_another_clusters_snapshot_is_refused() -> None:
    others = tuple(SnapshotMember(n, f"db-{n}", (f"https://10.9.0.{n}:2380",)) for n in (1, 2, 3))
    found = judge(lost(), dataclasses.replace(CONTENTS, members=others))
    assert found[CLUSTER_SCOPE, "snapshot's members"].status is FAILED


def test_the_nodes_inside_a_snapshot_tell_whose_it_is() -> None:
    def named(*nodes: str) -> Check:
        contents = dataclasses.replace(CONTENTS, nodes=nodes)
        return judge(lost(), contents)[CLUSTER_SCOPE, "snapshot's nodes"]

    assert named("db-1", "db-2").status is FAILED
    assert named().status is WARNING
    lacking = named("ETCD-1", "etcd-2", "worker-9")
    assert (lacking.status, lacking.message) == (WARNING, "it lacks etcd-3")


def test_a_snapshot_of_a_cluster_with_another_ca_has_to_be_acknowledged() -> None:
    foreign = dataclasses.replace(CONTENTS, authorities=("d" * 64,))
    check = judge(lost(), foreign)[CLUSTER_SCOPE, "snapshot's CA"]
    assert check.must_be_acknowledged
    rotated = dataclasses.replace(CONTENTS, authorities=("d" * 64, "c" * 64))
    assert troubles(judge(lost(), rotated)) == {}
    untold = dataclasses.replace(CONTENTS, authorities=())
    check = judge(lost(), untold)[CLUSTER_SCOPE, "snapshot's CA"]
    assert check.status is CheckStatus.SKIPPED


def test_members_that_moved_or_joined_since_are_told() -> None:
    fewer = dataclasses.replace(CONTENTS, members=CONTENTS.members[:2])
    assert "lacks etcd-3" in judge(lost(), fewer)[CLUSTER_SCOPE, "snapshot's members"].message
    moved = (dataclasses.replace(CONTENTS.members[0], peer_urls=("https://10.9.9.9:2380",)),)
    contents = dataclasses.replace(CONTENTS, members=moved + CONTENTS.members[1:])
    check = judge(lost(), contents)[CLUSTER_SCOPE, "snapshot's members"]
    assert check.status is WARNING
    assert "10.9.9.9" in check.message


@pytest.mark.parametrize(
    ("version", "status"), [("3.5.0", None), ("3.4.0", None), ("3.6.0", FAILED), ("", WARNING)]
)
def test_a_snapshot_of_a_newer_etcd_is_refused(version: str, status: CheckStatus | None) -> None:
    found = troubles(judge(lost(), dataclasses.replace(CONTENTS, cluster_version=version)))
    assert found.get((CLUSTER_SCOPE, "snapshot's version")) is status


def test_a_missing_hash_and_an_alarm_inside_are_warnings() -> None:
    found = troubles(judge(lost(), dataclasses.replace(CONTENTS, alarms=("NOSPACE",)), False))
    assert found == {
        (CLUSTER_SCOPE, "snapshot's hash"): WARNING,
        (CLUSTER_SCOPE, "snapshot's alarms"): WARNING,
    }


def test_manifests_that_disagree_about_an_address_are_refused() -> None:
    manifest = node_facts("etcd-2").manifest
    assert manifest is not None
    wrong = dataclasses.replace(manifest, initial_cluster=(("etcd-1", "https://10.0.0.99:2380"),))
    found = judge(lost(etcd_2={"manifest": wrong}))
    assert found[CLUSTER_SCOPE, "peer addresses"].status is FAILED
    assert "10.0.0.99" in found[CLUSTER_SCOPE, "peer addresses"].message


def test_a_faulty_etcd_version_is_named() -> None:
    nodes = {
        name: dataclasses.replace(
            node, manifest=dataclasses.replace(node.manifest, version=Version(3, 5, 1))
        )
        for name, node in lost().nodes.items()
        if node.manifest is not None
    }
    check = judge(dataclasses.replace(lost(), nodes=nodes))[CLUSTER_SCOPE, "etcd version"]
    assert check.status is WARNING
    assert "3.5.3" in check.remedy


def test_a_snapshot_with_far_fewer_keys_than_another_has_to_be_acknowledged() -> None:
    few = dataclasses.replace(CONTENTS, live_keys=100)
    (check,) = richer_snapshot(few, "older.tar", 3000)
    assert check.must_be_acknowledged
    assert "older.tar" in check.message
    assert not list(richer_snapshot(few, "older.tar", 150))
