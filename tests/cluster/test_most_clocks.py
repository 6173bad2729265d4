"""The time to go by, where this machine's clock and the nodes' differ."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from recovery.cluster.clocks import ClockReading, clock_reading
from recovery.cluster.facts import ClusterFacts
from recovery.cluster.most_clocks import clock_of_most
from recovery.cluster.remarks import remarks
from tests.restore.broken_cluster import facts

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def with_clocks(*offsets: float) -> ClusterFacts:
    seen = facts()
    nodes = {
        name: dataclasses.replace(node, clock_offset=offset)
        for (name, node), offset in zip(seen.nodes.items(), offsets, strict=False)
    }
    return dataclasses.replace(seen, nodes=nodes)


@pytest.mark.parametrize(
    ("offsets", "hours", "words"),
    [
        ((), 0, ""),
        ((0.5, -2.0, 59.0), 0, ""),
        ((0.0, 0.0, 7200.0), 0, ""),
        ((7200.0, 7201.0, 7199.0), 2, "this machine's clock is 7200 s behind the nodes'"),
        ((-7200.0, -7200.0, 0.0), -2, "this machine's clock is 7200 s ahead of the nodes'"),
        # One node alone, or nodes that do not agree, are no better than this machine.
        ((7200.0,), 0, "behind the only node's that answers"),
        ((7200.0, 3600.0, 0.0), 0, "behind what the nodes' clocks say"),
    ],
)
def test_it_is_the_nodes_where_two_of_them_agree(
    offsets: tuple[float, ...], hours: int, words: str
) -> None:
    clock = clock_of_most(with_clocks(*offsets), NOW)
    assert clock.now == NOW + timedelta(hours=hours)
    assert words in clock.doubt
    assert bool(words) == bool(clock.doubt)


def test_without_facts_it_is_this_machines() -> None:
    assert clock_of_most(None, NOW).now == NOW


def test_a_slow_answer_puts_a_clock_in_doubt_by_half_the_time_on_the_way() -> None:
    assert clock_reading(100.0, 101.0, 101.5, 102.5) == ClockReading(0.0, 1.0)
    late = clock_reading(100.0, 100.0, 100.5, 106.5)
    assert late == ClockReading(-3.0, 3.0), "the answer took 6 s: the clocks may well agree"
    assert clock_reading(100.0, 340.0, 340.5, 100.5) == ClockReading(240.0, 0.0)


def test_a_clock_that_may_be_right_is_not_remarked_upon() -> None:
    def words(doubt: float) -> str:
        seen = with_clocks(0.0, 0.0, -3.0)
        late = dataclasses.replace(seen.nodes["etcd-3"], clock_doubt=doubt)
        return " ".join(remarks(dataclasses.replace(seen, nodes={**seen.nodes, "etcd-3": late})))

    assert "The clock of etcd-3 is 3 s behind the others" in words(0.1)
    assert "The clock of" not in words(2.9)
