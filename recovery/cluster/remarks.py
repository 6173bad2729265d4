"""What wants attention beside the diagnosis: clocks, disks, databases near their quota. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from statistics import median

from recovery.cluster.facts import ClusterFacts
from recovery.cluster.node_words import binary_size
from recovery.ssh.plain_text import plain_line

CLOCK_WARNING = 2.0
"""Seconds that clocks may differ by; asking over SSH is not more exact."""

LOW_DISK = 2**30
"""Bytes free below which a restore, or a busy day, may fill a disk."""

NEAR_QUOTA = 0.8

SOON = timedelta(days=14)


def remarks(facts: ClusterFacts) -> tuple[str, ...]:
    """A sentence each; none of them is why etcd serves or does not."""
    return (
        *_strangers(facts),
        *_clocks(facts),
        *_disks(facts),
        *_quotas(facts),
        *_certificates(facts),
        *_api_servers(facts),
    )


def _strangers(facts: ClusterFacts) -> Iterator[str]:
    """Members that no node of the inventory is: a restore would leave them out."""
    nodes = facts.cluster.control_plane
    known = {status.id for status in facts.members.values()}
    known_names = {node.name for node in nodes}
    hosts = {node.host for node in nodes}
    listed = {each.id: each for status in facts.members.values() for each in status.listed}
    for each in listed.values():
        here = any(f"//{host}:" in url for url in each.peer_urls for host in hosts)
        if each.id in known or each.name in known_names or here:
            continue
        where = plain_line(f"{each.name or 'without a name'} at {', '.join(each.peer_urls)}")
        yield (
            f"etcd has a member {where}, and the inventory has no such control-plane node: add it "
            "before anything is restored, or remove the member if its machine is gone."
        )


def _clocks(facts: ClusterFacts) -> Iterator[str]:
    offsets = {name: node.clock_offset for name, node in facts.nodes.items()}
    if not offsets:
        return
    usual = median(offsets.values())
    doubts = {name: node.clock_doubt for name, node in facts.nodes.items()}
    apart = max(offsets.values()) - min(offsets.values())
    if len(offsets) == 2 and apart - sum(doubts.values()) > CLOCK_WARNING:
        words = " and ".join(offsets)
        yield f"The clocks of {words} are {apart:.0f} s apart: set them."
        return
    for name, offset in offsets.items():
        skew = offset - usual
        if abs(skew) - doubts[name] > CLOCK_WARNING:
            side = "ahead of" if skew > 0 else "behind"
            yield (
                f"The clock of {name} is {abs(skew):.0f} s {side} the others: set it "
                "(timedatectl, chronyc makestep). Leases and certificates depend on it."
            )


def _disks(facts: ClusterFacts) -> Iterator[str]:
    for name, node in facts.nodes.items():
        data = node.data_dir
        if data is not None and data.free < LOW_DISK:
            yield f"{name} has {binary_size(data.free)} free where etcd's data lies, {data.path}."


def _quotas(facts: ClusterFacts) -> Iterator[str]:
    if any("NOSPACE" in error for one in facts.members.values() for error in one.errors):
        return  # That is the diagnosis itself.
    for name, member in facts.members.items():
        if member.quota and member.database_size > NEAR_QUOTA * member.quota:
            size, quota = binary_size(member.database_size), binary_size(member.quota)
            used = member.database_in_use
            rest = f"; {binary_size(used)} of it hold data" if used is not None else ""
            yield (
                f"The database of {name} has {size} of the {quota} that its quota allows{rest}: "
                "compact and defragment before it refuses writes."
            )


def _certificates(facts: ClusterFacts) -> Iterator[str]:
    for name, node in facts.nodes.items():
        known = node.certificates.certificates if node.certificates is not None else ()
        ending = [one for one in known if one.not_after - facts.gathered_at < SOON]
        if ending:
            told = ", ".join(f"{one.role.value} {one.not_after:%Y-%m-%d %H:%M}Z" for one in ending)
            yield f"Certificates of {name} have expired, or will within days: {told}."


def _api_servers(facts: ClusterFacts) -> Iterator[str]:
    for name, node in facts.nodes.items():
        if node.api_server is not None and node.api_server.ready is None:
            yield f"The API server of {name} could not be asked: {node.api_server.why}."
