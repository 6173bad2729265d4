"""Preflight of certificates, ports, services and encryption: every judgement, on facts alone."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from recovery.cluster.certificates import KeyFit, NodeCertificates, Role
from recovery.cluster.encryption_at_rest import EncryptionFacts
from recovery.cluster.facts import ClusterFacts
from recovery.cluster.ports import PortFacts
from recovery.cluster.x509_chains import covers
from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus
from recovery.health.preflight_cluster import ALIVE
from recovery.health.preflight_kubernetes import KEY_LOST
from recovery.snapshots.model import EncryptionKey
from tests.cluster.samples import (
    DATA_DIR,
    ENCRYPTION,
    NAMES,
    SURROUNDINGS,
    certificates,
    cluster_facts,
    listener,
    node_facts,
)
from tests.health.test_preflight import CONTENTS, FAILED, WARNING, judge, lost, troubles

SKIPPED, OK = CheckStatus.SKIPPED, CheckStatus.OK


def second(**changes: Any) -> ClusterFacts:
    """Quorum lost, and only etcd-2 is otherwise than it should be."""
    return lost(etcd_2=changes)


def everywhere(**changes: Any) -> ClusterFacts:
    return lost(**{name.replace("-", "_"): changes for name in NAMES})


def only_trouble(facts: ClusterFacts, contents: Any = CONTENTS) -> Check:
    """The one check that did not pass."""
    found = judge(facts, contents)
    (where,) = troubles(found)
    return found[where]


def named(address: str) -> frozenset[str]:
    """What a certificate of etcd-2 with this address names."""
    return frozenset({"etcd-2", address})


PAST, FUTURE = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
IN_THREE_DAYS = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("role", "changes", "status", "words", "remedy"),
    [
        ("ETCD_SERVER", {"not_after": PAST}, FAILED, "expired on 2026-11-01", "renew etcd-server"),
        ("ETCD_PEER", {"not_after": PAST}, FAILED, "etcd's peer expired", "renew etcd-peer"),
        ("API_SERVER", {"not_after": PAST}, FAILED, "expired", "kubeadm certs renew apiserver"),
        (
            "API_SERVER_TO_ETCD",
            {"not_after": PAST},
            FAILED,
            "for etcd expired",
            "renew apiserver-etcd-client",
        ),
        ("ADMIN", {"not_after": PAST}, WARNING, "admin.conf's expired", "renew admin.conf"),
        ("ETCD_HEALTHCHECK", {"not_after": PAST}, WARNING, "expired", "etcd-healthcheck-client"),
        ("KUBELET", {"not_after": PAST}, WARNING, "kubelet's expired", "kubeadm kubeconfig user"),
        ("ETCD_CA", {"not_after": PAST}, FAILED, "etcd's CA expired", "support"),
        ("ETCD_SERVER", {"not_after": IN_THREE_DAYS}, WARNING, "expires on 2026-11-25", "renew"),
        ("ETCD_PEER", {"not_before": FUTURE}, FAILED, "not valid before 2027-01-01", "clock"),
        ("ETCD_PEER", {"signed": False}, FAILED, "not signed by etcd's CA", "init phase certs"),
        ("API_SERVER", {"signed": False}, WARNING, "not signed by the cluster's CA", "phase certs"),
        ("API_SERVER_TO_ETCD", {"signed": False}, FAILED, "by etcd's CA", "phase certs"),
        ("ETCD_SERVER", {"key": KeyFit.DIFFERS}, FAILED, "does not belong to its key", "aside"),
        ("ETCD_SERVER", {"key": KeyFit.ABSENT}, FAILED, "has no key", "aside"),
        (
            "ETCD_SERVER",
            {"hosts": named("127.0.0.1")},
            FAILED,
            "10.0.0.12",
            "aside",
        ),
        (
            "ETCD_SERVER",
            {"hosts": named("10.0.0.12")},
            FAILED,
            "127.0.0.1",
            "aside",
        ),
        ("ETCD_PEER", {"hosts": named("10.9.9.9")}, FAILED, "10.0.0.12", "aside"),
        ("ETCD_PEER", {"hosts": frozenset({"10.0.0.12"})}, WARNING, "does not name etcd-2", "name"),
    ],
)
def test_a_certificate_s_trouble_is_named_with_the_command_that_mends_it(
    role: str, changes: dict[str, Any], status: CheckStatus, words: str, remedy: str
) -> None:
    check = only_trouble(second(certificates=certificates("etcd-2", **{role: changes})))
    assert (check.scope, check.status) == ("etcd-2", status)
    assert words in check.message
    assert remedy in check.remedy


def test_an_api_server_under_other_names_warns_because_etcd_is_restored_all_the_same() -> None:
    known = certificates("etcd-2", API_SERVER={"hosts": named("api.prod.example")})
    check = only_trouble(second(certificates=known, api_server_address="10.0.0.12"))
    assert check.status is WARNING
    assert "does not name 10.0.0.12" in check.message


def test_a_wildcard_name_and_another_notation_of_an_address_are_good() -> None:
    assert covers(frozenset({"*.prod.example"}), "ETCD-2.prod.example.")
    assert not covers(frozenset({"*.prod.example"}), "a.b.prod.example")
    assert covers(frozenset({"fd00::1"}), "[fd00:0:0::1]")


def test_a_node_whose_clock_is_wrong_is_judged_by_its_own_time() -> None:
    soon = datetime(2026, 11, 22, 14, 0, 30, tzinfo=UTC)
    facts = second(
        certificates=certificates("etcd-2", ETCD_PEER={"not_after": soon}), clock_offset=45.0
    )
    assert "expired" in judge(facts)["etcd-2", "etcd certificates"].message


def without(role: Role, **changes: Any) -> NodeCertificates:
    known = certificates("etcd-2")
    left = tuple(one for one in known.certificates if one.role is not role)
    return dataclasses.replace(known, certificates=left, **changes)


def test_a_missing_and_an_unreadable_certificate_block_only_where_a_server_needs_them() -> None:
    missing = without(Role.ETCD_PEER, missing=((Role.ETCD_PEER, "/pki/peer.crt"),))
    check = only_trouble(second(certificates=missing))
    assert check.status is FAILED
    assert "/pki/peer.crt" in check.message
    assert "kubeadm init phase certs etcd-peer" in check.remedy
    broken = without(Role.ETCD_CA, unreadable=((Role.ETCD_CA, "/pki/ca.crt"),))
    assert "is no certificate" in only_trouble(second(certificates=broken)).message
    optional = without(Role.ETCD_HEALTHCHECK, missing=((Role.ETCD_HEALTHCHECK, "/x"),))
    assert troubles(judge(second(certificates=optional))) == {}


def test_what_could_not_be_looked_at_is_not_known_and_never_well() -> None:
    found = judge(second(certificates=None, ports=None, surroundings=None, encryption=None))
    for name in ("etcd certificates", "etcd's ports", "other services"):
        assert found["etcd-2", name].status is SKIPPED
    silent = judge(everywhere(certificates=None, surroundings=None, encryption=None))
    for name in ("etcd's CA", "the cluster's CA", "access to Kubernetes", "encryption at rest"):
        assert silent[CLUSTER_SCOPE, name].status is SKIPPED


def test_keys_that_nobody_could_compare_are_not_called_good() -> None:
    unknown = certificates("etcd-2", ETCD_SERVER={"key": KeyFit.UNKNOWN})
    check = only_trouble(second(certificates=unknown))
    assert (check.name, check.status) == ("certificates' keys", SKIPPED)


@pytest.mark.parametrize(
    ("fingerprints", "status"),
    [({"d" * 64}, FAILED), ({"e" * 64, "d" * 64}, WARNING), (set(), None)],
)
def test_nodes_with_another_ca_are_told(fingerprints: set[str], status: CheckStatus | None) -> None:
    other = dataclasses.replace(
        certificates("etcd-2"),
        authorities=(
            (Role.ETCD_CA, frozenset(fingerprints)),
            (Role.CLUSTER_CA, frozenset({"c" * 64})),
        ),
    )
    found = troubles(judge(second(certificates=other)))
    assert found.get((CLUSTER_SCOPE, "etcd's CA")) is status


def test_a_stray_process_on_etcds_port_blocks_and_is_named() -> None:
    stray = listener("0.0.0.0", 2380, "", pid=4711, executable="/usr/bin/etcd", unit="etcd.service")
    check = only_trouble(second(ports=PortFacts((stray,))))
    assert check.status is FAILED
    assert "0.0.0.0:2380 by /usr/bin/etcd (pid 4711, etcd.service)" in check.message
    assert "systemctl disable --now etcd.service" in check.remedy


def test_a_listener_on_another_address_is_in_nobodys_way() -> None:
    elsewhere = listener("10.0.0.99", 2380, "")
    assert troubles(judge(second(ports=PortFacts((elsewhere,))))) == {}


def test_a_stray_process_on_the_api_servers_port_warns() -> None:
    proxy = listener("10.0.0.12", 6443, "", executable="/usr/sbin/haproxy")
    check = only_trouble(second(ports=PortFacts((proxy,))))
    assert check.status is WARNING
    assert "haproxy" in check.message


def test_nobody_is_accused_where_the_process_or_the_containers_could_not_be_seen() -> None:
    unseen = PortFacts((listener("10.0.0.12", 2380, "", pid=0, executable=""),))
    assert only_trouble(second(ports=unseen)).status is SKIPPED
    stray = PortFacts((listener("10.0.0.12", 2380, ""),))
    found = judge(second(ports=stray, containers_error="crictl is not on this node's PATH"))
    assert found["etcd-2", "etcd's ports"].status is SKIPPED
    silent = dataclasses.replace(stray, containers_known=False)
    assert only_trouble(second(ports=silent)).status is SKIPPED
    assert (
        only_trouble(second(ports=PortFacts((), unknown="the node has no `ss`"))).status is SKIPPED
    )


@pytest.mark.parametrize(
    ("changes", "check", "status", "words"),
    [
        ({"active_units": ("etcd",)}, "other services", WARNING, "an etcd of systemd's own"),
        ({"active_units": ("monit", "puppet")}, "other services", WARNING, "monit (restarts"),
        ({"active_units": ("zincati",)}, "other services", WARNING, "may reboot"),
        ({"kubelet_started_by": ("heal.timer",)}, "other services", WARNING, "heal.timer"),
        ({"schedules": ("/etc/cron.d/heal",)}, "other services", WARNING, "/etc/cron.d/heal"),
        ({"units_known": False}, "other services", SKIPPED, "did not say"),
        ({"os_id": "flatcar", "os_name": "Flatcar"}, "operating system", WARNING, "Flatcar"),
        ({"ostree": True}, "operating system", WARNING, "immutable"),
        ({"usr_read_only": True}, "operating system", WARNING, "immutable"),
        ({"read_only": ("/var/lib/etcd",)}, "writable", FAILED, "/var/lib/etcd"),
        ({"read_only": ("/cpaas/backup",)}, "backup directory", WARNING, "/cpaas/backup"),
    ],
)
def test_what_lives_beside_etcd_is_told(
    changes: dict[str, Any], check: str, status: CheckStatus, words: str
) -> None:
    found = only_trouble(second(surroundings=dataclasses.replace(SURROUNDINGS, **changes)))
    assert (found.name, found.status) == (check, status)
    assert words in found.message


def test_selinux_warns_only_where_nothing_can_put_labels_right() -> None:
    enforcing = judge(second(selinux_enforcing=True))
    assert enforcing["etcd-2", "SELinux"].status is OK
    bare = dataclasses.replace(SURROUNDINGS, programs=frozenset({"chcon", "kubectl"}))
    assert (
        judge(second(selinux_enforcing=True, surroundings=bare))["etcd-2", "SELinux"].status is OK
    )
    empty = dataclasses.replace(DATA_DIR, member_exists=False)
    found = judge(second(selinux_enforcing=True, surroundings=bare, data_dir=empty))
    assert found["etcd-2", "SELinux"].status is WARNING


def test_without_kubectl_or_admin_conf_anywhere_the_kubernetes_side_cannot_be_proven() -> None:
    bare = dataclasses.replace(SURROUNDINGS, has_admin_kubeconfig=False)
    assert troubles(judge(second(surroundings=bare))) == {}
    check = only_trouble(everywhere(surroundings=bare))
    assert (check.status, check.name) == (WARNING, "access to Kubernetes")
    assert "no control-plane node has admin.conf" in check.message


ENCRYPTED = dataclasses.replace(CONTENTS, encryption=(EncryptionKey("aescbc", "key1", 17),))
CONFIGURED = EncryptionFacts(True, "/etc/enc.yaml", True, True, "a" * 64, frozenset({"key1"}))


@pytest.mark.parametrize(
    ("facts", "contents", "status", "words"),
    [
        (everywhere(encryption=CONFIGURED), ENCRYPTED, OK, "key1"),
        (everywhere(encryption=CONFIGURED), CONTENTS, OK, "needs no key"),
        (everywhere(encryption=ENCRYPTION), CONTENTS, OK, "not used"),
        (second(encryption=CONFIGURED), ENCRYPTED, FAILED, "no --encryption-provider-config"),
        (everywhere(encryption=ENCRYPTION), ENCRYPTED, WARNING, "has the key key1: 17 values"),
        (second(encryption=CONFIGURED), CONTENTS, WARNING, "differs between nodes"),
        (
            second(encryption=dataclasses.replace(CONFIGURED, sha256="b" * 64)),
            CONTENTS,
            WARNING,
            "differs between nodes",
        ),
        (
            second(encryption=dataclasses.replace(CONFIGURED, present=False)),
            CONTENTS,
            FAILED,
            "/etc/enc.yaml is missing",
        ),
        (
            everywhere(encryption=dataclasses.replace(CONFIGURED, key_names=frozenset({"key2"}))),
            ENCRYPTED,
            WARNING,
            "no control-plane node has the key key1",
        ),
        (
            lost(
                **{name: {"encryption": CONFIGURED} for name in ("etcd_1", "etcd_3")},
                etcd_2={
                    "encryption": dataclasses.replace(CONFIGURED, key_names=frozenset({"key2"}))
                },
            ),
            ENCRYPTED,
            FAILED,
            "no key named key1",
        ),
        (
            everywhere(encryption=dataclasses.replace(CONFIGURED, present=False, readable=False)),
            ENCRYPTED,
            FAILED,
            "/etc/enc.yaml is missing",
        ),
        (
            everywhere(encryption=EncryptionFacts(api_server_known=False)),
            ENCRYPTED,
            SKIPPED,
            "not known on etcd-1",
        ),
    ],
)
def test_encryption_at_rest_is_compared_between_nodes_and_with_the_snapshot(
    facts: ClusterFacts, contents: Any, status: CheckStatus, words: str
) -> None:
    check = judge(facts, contents)[CLUSTER_SCOPE, "encryption at rest"]
    assert check.status is status
    assert words in check.message


def test_only_a_living_quorum_has_to_be_answered_twice() -> None:
    alive = dataclasses.replace(cluster_facts(), nodes=lost().nodes)
    assert [check.own_yes for check in judge(alive).values() if check.own_yes] == [ALIVE]
    assert not any(check.own_yes for check in judge(lost()).values())


def test_values_whose_key_is_lost_want_a_yes_of_their_own() -> None:
    keyless = judge(everywhere(encryption=ENCRYPTION), ENCRYPTED)
    check = keyless[CLUSTER_SCOPE, "encryption at rest"]
    assert check.own_yes is KEY_LOST
    assert check.must_be_acknowledged
    assert "stay unreadable" in check.meaning
    assert KEY_LOST.flag == "--encryption-key-is-lost"


def test_facts_of_a_whole_node_are_what_the_samples_say() -> None:
    assert node_facts("etcd-2").certificates == certificates("etcd-2")
