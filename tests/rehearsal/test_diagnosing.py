"""One real cluster, broken in one way after the other: each is told for what it is, and where
the diagnosis gives commands, running them to the letter mends it."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recovery.cluster.etcd_exit import ExitCause
from recovery.cluster.facts import ClusterFacts, ClusterState, Diagnosis
from recovery.incident import Incident
from recovery.inventory.model import Cluster, SshOptions
from recovery.rehearsal.breaking import CLOCK_OFF_SECONDS, Breakage
from tests.cluster_fixtures import RunningRehearsal, running_rehearsal
from tests.rehearsal.waiting import wait_for

pytestmark = pytest.mark.cluster

_SECONDS = 60


@pytest.fixture(scope="module")
def rehearsal() -> Iterator[RunningRehearsal]:
    """A healthy cluster, which the tests break and mend in the order in which they stand."""
    with running_rehearsal(Breakage.NONE) as running:
        yield running


def look(cluster: Cluster) -> tuple[ClusterFacts, Diagnosis]:
    async def once() -> tuple[ClusterFacts, Diagnosis]:
        async with Incident(cluster) as incident:
            return await incident.look(hasty=True), incident.diagnosis

    return asyncio.run(once())


def until(rehearsal: RunningRehearsal, state: ClusterState, words: str = "") -> Diagnosis:
    """The diagnosis, once it is of that state and says that."""
    seen: list[Diagnosis] = []

    def there() -> bool:
        diagnosis = look(rehearsal.cluster)[1]
        seen.append(diagnosis)
        return diagnosis.state is state and words in f"{diagnosis.sentence} {diagnosis.advice}"

    try:
        wait_for(there, f"{state} {words}", _SECONDS)
    except AssertionError as error:
        raise AssertionError(f"{error}; the last one: {seen[-1]}") from error
    return seen[-1]


def obey(rehearsal: RunningRehearsal, diagnosis: Diagnosis) -> None:
    """Run the diagnosis's commands as a person would: in order, on the nodes that it names."""
    assert diagnosis.commands
    for command in diagnosis.commands:
        node = rehearsal.cluster.node(command.node)
        deadline = time.monotonic() + 30
        ran = rehearsal.command(node, command.text)
        # etcd changes members only once all have been connected for five seconds, and says so.
        while "unhealthy cluster" in ran.stderr and time.monotonic() < deadline:
            ran = rehearsal.command(node, command.text)
        assert ran.returncode == 0, (command, ran.stdout, ran.stderr)


def test_a_healthy_cluster_is_left_alone(rehearsal: RunningRehearsal) -> None:
    diagnosis = until(rehearsal, ClusterState.HEALTHY, "every API server is ready")
    assert diagnosis.label == "HEALTHY 3/3"
    assert not diagnosis.commands and not diagnosis.remarks
    assert all("HashKV" in line for line in diagnosis.because)


def test_a_silent_node_holds_up_the_diagnosis_for_seconds_only(
    rehearsal: RunningRehearsal,
) -> None:
    async def swallow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def once() -> tuple[float, Diagnosis, str]:
        mute = await asyncio.start_server(swallow, "127.0.0.1", 0)
        port = mute.sockets[0].getsockname()[1]
        one, two, three = rehearsal.cluster.control_plane
        silent = dataclasses.replace(
            three,
            host="127.0.0.1",
            ssh=SshOptions(port=port, known_hosts_file=three.ssh.known_hosts_file),
        )
        cluster = dataclasses.replace(rehearsal.cluster, control_plane=(one, two, silent))
        async with Incident(cluster) as incident:
            began = asyncio.get_running_loop().time()
            facts = await incident.look(hasty=True)
            took = asyncio.get_running_loop().time() - began
        mute.close()
        return took, incident.diagnosis, facts.unreachable["etcd-3"].what

    took, diagnosis, what = asyncio.run(once())
    assert took < 9.5, "less than the ten seconds that the node itself is given"
    assert what == "no connection within 5 s"
    assert diagnosis.label == "DEGRADED 2/3"
    assert "back within reach" in diagnosis.advice and not diagnosis.commands


def test_a_clock_four_minutes_off_is_named_and_etcd_is_not_blamed(
    rehearsal: RunningRehearsal,
) -> None:
    rehearsal.break_it(Breakage.CLOCK_OFF)
    facts, diagnosis = look(rehearsal.cluster)
    assert diagnosis.state is ClusterState.HEALTHY
    assert facts.nodes["etcd-2"].clock_offset == pytest.approx(CLOCK_OFF_SECONDS, abs=10)
    (remark,) = diagnosis.remarks
    assert "The clock of etcd-2 is" in remark and "ahead of the others" in remark
    (place(rehearsal, "etcd-2") / "usr/bin/date").unlink()


def test_api_servers_that_end_are_looked_for_there_and_not_in_etcd(
    rehearsal: RunningRehearsal,
) -> None:
    nodes = [node.name for node in rehearsal.cluster.control_plane]
    paths = [
        place(rehearsal, name) / "etc/kubernetes/manifests/kube-apiserver.yaml" for name in nodes
    ]
    before = {path: path.read_text() for path in paths}
    rehearsal.break_it(Breakage.API_DOWN)
    diagnosis = look(rehearsal.cluster)[1]
    assert diagnosis.label == "API NOT READY, ETCD 3/3"
    assert "the API server's for etcd is missing" in diagnosis.sentence
    assert "look at kube-apiserver" in diagnosis.advice
    said = rehearsal.command(rehearsal.cluster.node("etcd-1"), diagnosis.commands[0].text)
    assert "No such file" in said.stdout + said.stderr
    for path, text in before.items():
        path.write_text(text)
    until(rehearsal, ClusterState.HEALTHY, "every API server is ready")


def test_stopped_members_are_started_not_restored(rehearsal: RunningRehearsal) -> None:
    rehearsal.break_it(Breakage.STOPPED)
    diagnosis = look(rehearsal.cluster)[1]
    assert diagnosis.label == "QUORUM LOST, DATA INTACT 0/3"
    assert "before thinking of a restore" in diagnosis.advice
    assert "on etcd-1 and etcd-2, start kubelet" in diagnosis.advice
    assert "on etcd-3, put etcd.yaml back" in diagnosis.advice
    obey(rehearsal, diagnosis)
    until(rehearsal, ClusterState.HEALTHY)


def test_expired_certificates_are_renewed_not_restored(rehearsal: RunningRehearsal) -> None:
    for node in rehearsal.cluster.control_plane:
        pki = place(rehearsal, node.name) / "etc/kubernetes/pki"
        shutil.copytree(pki / "etcd", pki / "etcd.kept")
    rehearsal.break_it(Breakage.EXPIRED_CERTIFICATE)
    diagnosis = until(rehearsal, ClusterState.STARTABLE, "renew etcd's certificates")
    assert any("kubeadm certs renew etcd-server" in one.text for one in diagnosis.commands)

    def known() -> bool:
        # Between two tries of kubelet a container may have said nothing yet.
        facts = look(rehearsal.cluster)[0]
        causes = {node.etcd_exit.cause for node in facts.nodes.values() if node.etcd_exit}
        return causes == {ExitCause.CERTIFICATE}

    wait_for(known, "the certificate as the cause on every node", _SECONDS)
    for node in rehearsal.cluster.control_plane:
        pki = place(rehearsal, node.name) / "etc/kubernetes/pki"
        shutil.copytree(pki / "etcd.kept", pki / "etcd", dirs_exist_ok=True)
    for command in diagnosis.commands:
        if command.text.startswith("crictl stop"):
            node = rehearsal.cluster.node(command.node)
            assert rehearsal.command(node, command.text).returncode == 0
    until(rehearsal, ClusterState.HEALTHY)


def test_a_full_quota_is_cleared_by_the_commands(rehearsal: RunningRehearsal) -> None:
    rehearsal.break_it(Breakage.NOSPACE)
    diagnosis = until(rehearsal, ClusterState.DEGRADED, "takes no writes: alarm NOSPACE")
    obey(rehearsal, diagnosis)
    until(rehearsal, ClusterState.HEALTHY)


def test_a_wiped_member_is_replaced_by_the_commands(rehearsal: RunningRehearsal) -> None:
    rehearsal.break_it(Breakage.ONE_MEMBER_DOWN)
    diagnosis = until(rehearsal, ClusterState.DEGRADED, "Replace the member etcd-2")
    assert "Do not restore" in diagnosis.advice
    obey(rehearsal, diagnosis)
    until(rehearsal, ClusterState.HEALTHY, "hold the same data")


@pytest.mark.parametrize("way", [Breakage.DIVERGED, Breakage.BUMPED_ONE])
def test_a_member_with_other_data_is_found_though_all_look_healthy(way: Breakage) -> None:
    # A cluster of its own: after so many tries kubelet takes its time to start an etcd again.
    with running_rehearsal(Breakage.NONE) as rehearsal:
        rehearsal.break_it(way)
        facts, diagnosis = look(rehearsal.cluster)
        assert diagnosis.label == "DIVERGED 3/3"
        assert all(not member.errors for member in facts.members.values())
        assert "do not trust what etcd-2 answers" in diagnosis.advice
        obey(rehearsal, diagnosis)
        healed = until(rehearsal, ClusterState.HEALTHY, "hold the same data")
        assert healed.label == "HEALTHY 3/3"


def place(rehearsal: RunningRehearsal, node: str) -> Path:
    """The root of a node's file tree."""
    return rehearsal.directory / "nodes" / node
