"""A broken rehearsal cluster is broken as a real one is, and stays so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recovery.inventory.model import Node
from recovery.rehearsal.node.etcd_gateway import GatewayError
from tests.cluster_fixtures import RunningRehearsal, running_rehearsal
from tests.rehearsal.etcd_doors import member, serves, status
from tests.rehearsal.waiting import wait_for

pytestmark = pytest.mark.cluster

_RESTARTS = 4
"""With back-offs of 1, 2, 4 and 8 s; what holds so long holds."""


@pytest.fixture(scope="module")
def broken_long_ago() -> Iterator[RunningRehearsal]:
    """A broken cluster whose kubelets have tried again and again."""
    with running_rehearsal() as rehearsal:
        first, *wrecked = rehearsal.cluster.control_plane

        def tried_often() -> bool:
            assert not serves(first, 0.3)
            return all(_attempt(rehearsal, node) >= _RESTARTS for node in wrecked)

        wait_for(tried_often, f"{_RESTARTS} restarts", 60)
        yield rehearsal


def _attempt(rehearsal: RunningRehearsal, node: Node) -> int:
    rows = rehearsal.command(node, "crictl ps -a --name '^etcd$'").stdout.splitlines()[1:]
    words = [row.split() for row in rows]
    return max(int(word[word.index("etcd") + 1]) for word in words) if words else -1


def test_no_member_serves_however_often_kubelets_try(broken_long_ago: RunningRehearsal) -> None:
    assert not any(serves(node) for node in broken_long_ago.cluster.control_plane)


def test_the_survivor_answers_and_knows_no_leader(broken_long_ago: RunningRehearsal) -> None:
    said = status(broken_long_ago.cluster.control_plane[0])
    assert str(said.get("leader", "0")) == "0"
    assert "etcdserver: no leader" in str(said.get("errors", ""))


def test_the_survivor_still_reads_what_it_holds(broken_long_ago: RunningRehearsal) -> None:
    answer = member(broken_long_ago.cluster.control_plane[0]).call(
        "/v3/kv/range",
        {"key": "AA==", "range_end": "AA==", "count_only": True, "serializable": True},
    )
    assert int(str(answer["count"])) > 3000


def test_the_others_do_not_answer(broken_long_ago: RunningRehearsal) -> None:
    for node in broken_long_ago.cluster.control_plane[1:]:
        with pytest.raises(GatewayError):
            status(node)


def test_a_wiped_member_stays_out_because_its_manifest_is_old(
    broken_long_ago: RunningRehearsal,
) -> None:
    log = _last_log(broken_long_ago, "etcd-2")
    assert "member count is unequal" in log


def test_a_wrecked_database_is_what_stops_the_third(broken_long_ago: RunningRehearsal) -> None:
    log = _last_log(broken_long_ago, "etcd-3")
    assert "invalid database" in log or "version mismatch" in log or "checksum error" in log


def test_the_control_plane_runs_on_as_far_as_it_can(broken_long_ago: RunningRehearsal) -> None:
    node = broken_long_ago.cluster.control_plane[0]
    running = broken_long_ago.command(node, "crictl ps").stdout
    for name in ("etcd", "kube-scheduler", "kube-controller-manager"):
        assert f" {name} " in running
    assert broken_long_ago.command(node, "systemctl is-active kubelet").stdout == "active\n"


def _last_log(rehearsal: RunningRehearsal, name: str) -> str:
    logs = (rehearsal.directory / "nodes" / name / "var/log/pods").glob(
        "kube-system_etcd-*/etcd/*.log"
    )
    texts = [path.read_text(errors="replace") for path in sorted(logs, key=_age)]
    # The newest may have only just begun.
    return "".join(texts[-2:])


def _age(path: Path) -> float:
    return path.stat().st_mtime
