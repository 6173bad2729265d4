"""Each diagnosis from the facts that it rests on, and the commands that it gives."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recovery.cluster.agreement import Agreement, Reading
from recovery.cluster.by_hand import sed_between
from recovery.cluster.certificates import Role
from recovery.cluster.database_header import HEADER_BYTES, PAGE, database_fault
from recovery.cluster.diagnosis import diagnose
from recovery.cluster.diagnosis_without_quorum import RestoreFrom
from recovery.cluster.etcd_answers import ListedMember
from recovery.cluster.etcd_exit import EtcdExit, ExitCause
from recovery.cluster.facts import ApiAnswer, ClusterFacts, ClusterState, Diagnosis, ServiceState
from recovery.cluster.manifest_edit import set_flag
from recovery.cluster.quota import DEFAULT_QUOTA, member_quota
from tests.cluster.manifests import KUBEADM
from tests.cluster.samples import (
    CLUSTER,
    DATA_DIR,
    NAMES,
    certificates,
    cluster_facts,
    member,
    node_facts,
    quorum_lost,
    wrecked,
)

LISTED = tuple(
    ListedMember(number, name, (f"https://10.0.0.1{number}:2380",), (), False)
    for number, name in enumerate(NAMES, 1)
)


def told(facts: ClusterFacts, **changes: Any) -> Diagnosis:
    return diagnose(dataclasses.replace(facts, **changes), CLUSTER)


def compared(**readings: Reading) -> Agreement:
    return Agreement(100, {n.replace("_", "-"): one for n, one in readings.items()}, LISTED)


def exited(cause: ExitCause, reason: str = "its words") -> EtcdExit:
    return EtcdExit("abc", 3, False, 1, reason, cause, (reason,))


SAME = Reading(100, 100, 7, 50)


def test_members_with_the_same_hash_agree_whatever_is_written_meanwhile() -> None:
    busy = compared(etcd_1=Reading(100, 130, 7), etcd_2=Reading(110, 125, 7), etcd_3=SAME)
    facts = cluster_facts()
    assert len(dataclasses.replace(busy, readings=busy.readings).groups) == 2
    steady = compared(etcd_1=Reading(100, 130, 7), etcd_2=Reading(101, 125, 7))
    assert steady.groups == (("etcd-1", "etcd-2"),)
    assert told(facts, agreement=compared(etcd_1=SAME, etcd_2=SAME, etcd_3=SAME)).label == (
        "HEALTHY 3/3"
    )


def test_a_member_that_stays_behind_after_a_read_has_other_data_and_is_replaced() -> None:
    behind = compared(etcd_1=SAME, etcd_2=Reading(60, 60), etcd_3=SAME)
    diagnosis = told(cluster_facts(), agreement=behind)
    assert diagnosis.label == "DIVERGED 3/3"
    assert "etcd-1 and etcd-3 are at revision 100; etcd-2 is at revision 60" in diagnosis.sentence
    assert any("member remove 2" in command.text for command in diagnosis.commands)


def test_hashes_that_differ_at_one_revision_are_told_and_a_compaction_between_is_not() -> None:
    other = compared(etcd_1=SAME, etcd_2=Reading(100, 100, 8, 50), etcd_3=SAME)
    assert "HashKV 0000 0008 at 100" in told(cluster_facts(), agreement=other).sentence
    compacted = compared(etcd_1=SAME, etcd_2=Reading(100, 100, 8, 99), etcd_3=SAME)
    assert told(cluster_facts(), agreement=compacted).state is ClusterState.HEALTHY


def test_where_all_differ_nobody_is_called_right() -> None:
    all_apart = compared(
        etcd_1=SAME, etcd_2=Reading(200, 200, None), etcd_3=Reading(300, 300, None)
    )
    diagnosis = told(cluster_facts(), agreement=all_apart)
    assert "Nobody can tell from outside" in diagnosis.advice
    assert not diagnosis.commands


def test_an_alarm_corrupt_alone_is_divergence_too() -> None:
    facts = cluster_facts(members={"etcd-1": member("etcd-1", errors=("alarm:CORRUPT",))})
    assert told(facts).state is ClusterState.DIVERGED


def test_a_member_of_another_cluster_beside_a_quorum_is_a_split() -> None:
    alone = member("etcd-3", cluster_id=99, leader_id=3)
    diagnosis = told(cluster_facts(members={"etcd-3": alone}), agreement=compared(etcd_1=SAME))
    assert diagnosis.label == "DIVERGED 2/3"
    assert "another etcd cluster" in diagnosis.sentence
    assert "etcd-3: cluster id 63" in diagnosis.because


def test_a_wiped_member_is_replaced_with_its_id_through_a_member_that_serves() -> None:
    empty = dataclasses.replace(DATA_DIR, member_exists=False, database_size=None, wal_files=0)
    facts = cluster_facts(nodes={"etcd-2": node_facts("etcd-2", data_dir=empty)})
    facts = dataclasses.replace(facts, members={n: facts.members[n] for n in ("etcd-1", "etcd-3")})
    diagnosis = told(facts, agreement=compared(etcd_1=SAME, etcd_3=SAME))
    assert diagnosis.label == "DEGRADED 2/3"
    assert "its directory is empty" in diagnosis.sentence
    texts = [command.text for command in diagnosis.commands]
    assert [command.node for command in diagnosis.commands] == [
        "etcd-2", "etcd-1", "etcd-2", "etcd-2", "etcd-1", "etcd-2",
    ]  # fmt: skip
    assert texts[1].startswith("crictl exec abc etcdctl --endpoints=https://127.0.0.1:2379")
    assert texts[1].endswith("member remove 2")
    assert texts[4].endswith("member add etcd-2 --peer-urls=https://10.0.0.12:2380")
    assert not any("rm " in text for text in texts)


def test_a_member_whose_data_is_there_is_started_not_replaced() -> None:
    facts = cluster_facts(
        nodes={"etcd-2": node_facts("etcd-2", kubelet=ServiceState.INACTIVE, containers=())},
        silent=("etcd-2",),
    )
    diagnosis = told(facts)
    assert "its data is there" in diagnosis.advice and "Replace" not in diagnosis.advice
    assert [command.text for command in diagnosis.commands] == ["systemctl start kubelet"]


def test_a_node_out_of_reach_is_not_replaced_in_haste() -> None:
    diagnosis = told(cluster_facts(unreachable=("etcd-2",)))
    assert "only if it is gone for good" in diagnosis.advice


def test_each_reason_for_not_running_has_its_own_advice() -> None:
    full = dataclasses.replace(DATA_DIR, free=1000)
    ways: list[tuple[dict[str, Any], str, str]] = [
        ({"etcd_exit": exited(ExitCause.DISK_FULL)}, "its disk is full", "df -h"),
        ({"data_dir": full}, "its disk is full", "df -h"),
        ({"etcd_exit": exited(ExitCause.CERTIFICATE)}, "certificate is refused", "certs renew"),
        ({"etcd_exit": exited(ExitCause.PORT_IN_USE)}, "end what holds its port", "crictl logs"),
        ({"manifest": None, "manifest_elsewhere": "/root/e.yaml", "containers": ()},
         "but in /root/e.yaml", "mv /root/e.yaml /etc/kubernetes/manifests/etcd.yaml"),
        ({"containers_error": "no socket", "containers": ()}, "container runtime", "containerd"),
        ({"containers": ()}, "has started no etcd", "journalctl -u kubelet"),
    ]  # fmt: skip
    for changes, words, command in ways:
        facts = cluster_facts(nodes={"etcd-2": node_facts("etcd-2", **changes)}, silent=("etcd-2",))
        diagnosis = told(facts)
        assert words in f"{diagnosis.sentence} {diagnosis.advice}", words
        assert any(command in one.text for one in diagnosis.commands), diagnosis.commands


def test_data_that_a_member_gave_up_over_is_not_taken_for_intact() -> None:
    facts = cluster_facts(
        nodes={
            name: node_facts(name, containers=(), etcd_exit=exited(ExitCause.DATA, "crc mismatch"))
            for name in NAMES
        },
        silent=NAMES,
    )
    diagnosis = told(facts)
    assert diagnosis.label == "QUORUM LOST 0/3"
    assert "crc mismatch" in diagnosis.sentence


def test_enough_intact_data_is_started_before_a_restore_is_thought_of() -> None:
    facts = cluster_facts(
        nodes={
            **wrecked("etcd-2"),
            "etcd-1": node_facts("etcd-1", kubelet=ServiceState.INACTIVE, containers=()),
            "etcd-3": node_facts("etcd-3", etcd_exit=exited(ExitCause.UNKNOWN), containers=()),
        },
        silent=NAMES,
    )
    diagnosis = told(facts)
    assert diagnosis.label == "QUORUM LOST, DATA INTACT 0/3"
    assert "The data of etcd-1 and etcd-3, which are enough, is intact." in diagnosis.sentence
    assert "before thinking of a restore" in diagnosis.advice
    assert "etcd-3's etcd said: its words" in diagnosis.because


def test_a_lost_quorum_names_what_to_restore_from_and_the_commands() -> None:
    source = RestoreFrom("a b.tar", "a b.tar, taken yesterday, verified")
    diagnosis = diagnose(quorum_lost(), CLUSTER, source)
    assert diagnosis.advice == "Restore from a b.tar, taken yesterday, verified."
    assert "etcd-2: its data is wrecked: both meta pages are damaged" in diagnosis.sentence
    assert diagnosis.commands[-1].text == "etcd-rescue restore 'a b.tar' --confirm prod-a"
    assert "a verified snapshot" in diagnose(quorum_lost(), CLUSTER).advice


def test_a_node_out_of_reach_whose_data_would_do_is_fetched_before_a_restore() -> None:
    facts = cluster_facts(
        nodes=wrecked("etcd-2"),
        members={"etcd-1": member("etcd-1", leader_id=0)},
        silent=("etcd-2",),
        unreachable=("etcd-3",),
    )
    diagnosis = told(facts)
    assert diagnosis.state is ClusterState.QUORUM_LOST
    assert diagnosis.advice.startswith("Bring etcd-3 back within reach before")
    assert not diagnosis.commands


def test_a_healthy_etcd_behind_a_dead_api_server_is_not_blamed() -> None:
    down = ApiAnswer(False, "it does not accept connections")
    facts = cluster_facts(nodes={"etcd-2": node_facts("etcd-2", api_server=down)})
    diagnosis = told(facts)
    assert diagnosis.label == "API NOT READY, ETCD 3/3"
    assert "The API server of etcd-2 is not ready" in diagnosis.sentence
    assert diagnosis.state.has_quorum
    unasked = ApiAnswer(None, "kubectl is not on this node's PATH")
    facts = cluster_facts(nodes={"etcd-2": node_facts("etcd-2", api_server=unasked)})
    assert told(facts).state is ClusterState.HEALTHY
    assert "could not be asked" in told(facts).remarks[0]


def test_an_api_server_that_cannot_start_without_a_certificate_has_that_named() -> None:
    down = ApiAnswer(False, "it does not accept connections")
    path = "/etc/kubernetes/pki/apiserver-etcd-client.crt"
    whole = certificates("etcd-1")
    lacking = dataclasses.replace(
        whole,
        certificates=tuple(
            one for one in whole.certificates if one.role is not Role.API_SERVER_TO_ETCD
        ),
        missing=((Role.API_SERVER_TO_ETCD, path),),
    )
    old = certificates("etcd-2", API_SERVER={"not_after": datetime(2026, 11, 20, tzinfo=UTC)})
    nodes = {
        "etcd-1": node_facts("etcd-1", api_server=down, certificates=lacking),
        "etcd-2": node_facts("etcd-2", api_server=down, certificates=old),
    }
    diagnosis = told(cluster_facts(nodes=nodes))
    assert f"on etcd-1, the API server's for etcd is missing: {path}." in diagnosis.sentence
    assert "on etcd-2, the API server's expired on 2026-11-20." in diagnosis.sentence
    assert "kubeadm init phase certs apiserver-etcd-client" in diagnosis.advice
    assert "on etcd-2 kubeadm certs renew apiserver" in diagnosis.advice


def test_a_nospace_alarm_is_cleared_with_exact_commands_the_leader_last() -> None:
    facts = cluster_facts(members={n: member(n, errors=("alarm:NOSPACE ",)) for n in NAMES})
    diagnosis = told(facts)
    assert "takes no writes: alarm NOSPACE" in diagnosis.sentence
    ends = [f"{one.node} {one.text.split('.key ')[1]}" for one in diagnosis.commands]
    assert ends == [
        "etcd-1 compact 100", "etcd-2 defrag", "etcd-3 defrag", "etcd-1 defrag",
        "etcd-1 alarm disarm",
    ]  # fmt: skip


def test_clocks_disks_and_quotas_are_remarked_upon() -> None:
    low = dataclasses.replace(DATA_DIR, free=100 * 2**20)
    facts = cluster_facts(
        nodes={
            "etcd-2": node_facts("etcd-2", clock_offset=240.0),
            "etcd-3": node_facts("etcd-3", data_dir=low),
        },
        members={"etcd-1": member("etcd-1", quota=1100, database_in_use=10)},
    )
    clock, disk, quota = told(facts).remarks
    assert "clock of etcd-2 is 240 s ahead" in clock
    assert "etcd-3 has 100 MiB free" in disk
    assert "etcd-1 has 1000 B of the 1.1 KiB" in quota
    assert told(facts).state is ClusterState.HEALTHY


def test_a_member_that_the_inventory_does_not_have_is_remarked_upon() -> None:
    def listed(number: int, name: str, host: str) -> ListedMember:
        return ListedMember(number, name, (f"https://{host}:2380",), (), learner=False)

    own = tuple(listed(n, name, f"10.0.0.1{n}") for n, name in enumerate(NAMES, 1))
    unstarted = listed(8, "", "10.0.0.12")
    stranger = listed(9, "etcd-4", "10.0.0.19")
    members = {NAMES[0]: member(NAMES[0], listed=(*own, unstarted, stranger))}
    (remark,) = told(cluster_facts(members=members, silent=(NAMES[2],))).remarks
    assert "etcd has a member etcd-4 at https://10.0.0.19:2380" in remark


def test_a_quota_is_the_manifests_or_etcds_own() -> None:
    manifest = node_facts("etcd-1").manifest
    assert manifest is not None
    assert member_quota(manifest) == DEFAULT_QUOTA
    set_to = set_flag(manifest.text, "quota-backend-bytes", "8589934592")
    assert member_quota(dataclasses.replace(manifest, text=set_to)) == 8 * 2**30
    unlimited = set_flag(manifest.text, "quota-backend-bytes", "-1")
    assert member_quota(dataclasses.replace(manifest, text=unlimited)) is None


def test_a_databases_beginning_tells_a_wrecked_one_and_what_nobody_read_tells_nothing() -> None:
    assert database_fault("", "", 100) is None
    assert database_fault("00" * HEADER_BYTES, "00" * HEADER_BYTES, 4 * PAGE) is not None
    assert database_fault("", "", 0) == "it is empty"
    assert database_fault("zz", "", 100) is None


def test_the_sed_command_makes_exactly_the_edited_text_and_refuses_another(tmp_path: Path) -> None:
    after = set_flag(KUBEADM, "initial-cluster", "a=https://1:2380,b&|c\\=https://2:2380")
    after = set_flag(after, "initial-cluster-state", "existing")
    path = tmp_path / "it's etcd.yaml"
    path.write_text(KUBEADM)
    command = sed_between(KUBEADM, after, hashlib.sha256(KUBEADM.encode()).hexdigest(), str(path))
    assert subprocess.run(["sh", "-c", command], capture_output=True).returncode == 0
    assert path.read_text() == after
    assert subprocess.run(["sh", "-c", command], capture_output=True).returncode != 0
    assert path.read_text() == after
    assert sed_between(after, after, "", "x") == ""
