"""Asks one node for its member, and for what stands around it: its API server, its last words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recovery.cluster.api_answer import ask_api_server
from recovery.cluster.etcd_answers import ListedMember, MistrustError
from recovery.cluster.etcd_client import MemberClient, open_member
from recovery.cluster.etcd_exit import EtcdExit
from recovery.cluster.facts import ApiAnswer, EtcdManifest, MemberStatus
from recovery.cluster.last_words import log_script, read_exit, telling_containers
from recovery.cluster.node_probe import ProbeAnswer
from recovery.cluster.sections import fresh_marker
from recovery.errors import EtcdError, NodeError, NodeUnreachableError

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession

MEMBER_SECONDS = 4.0
"""For a member's own status, which it answers at once or not at all."""

LOG_SECONDS = 15.0
"""For the end of a container's log."""

READ_SECONDS = 2.5
"""For a linearizable read: beyond the usual election timeout of 1 s."""

_NO_KEY = b"/etcd-rescue/none"


async def api_answer(
    session: NodeSession,
    manifest: EtcdManifest | None,
    probe: ProbeAnswer,
    member: MemberStatus | None,
) -> ApiAnswer | None:
    """Whether this node's API server is ready.

    Not asked where the etcd behind it does not serve: it would only take its time to say so.
    """
    if manifest is None or member is None or not member.leader_id:
        return None
    return await ask_api_server(session, manifest, probe.api_server_port, probe.api_server_address)


async def etcd_exit(session: NodeSession, probe: ProbeAnswer) -> EtcdExit | None:
    """Why etcd does not answer, by its containers' logs; None where there is none.

    Raises NodeUnreachableError.
    """
    containers, marker = telling_containers(probe.containers, probe.ended), fresh_marker()
    if not containers:
        return None
    try:
        result = await session.run(log_script(containers, marker), timeout=LOG_SECONDS)
    except NodeUnreachableError:
        raise
    except NodeError:
        return None  # The log only explains; what is wrong is known without it.
    return read_exit(containers, result.stdout, marker)


async def member_status(
    session: NodeSession, manifest: EtcdManifest | None
) -> tuple[MemberStatus | None, str, bool]:
    """The member's status; or None, why it does not answer, and whether TLS alone is why."""
    if manifest is None:
        return None, "its manifest cannot be used", False
    try:
        async with open_member(session, manifest) as member:
            return await _confirmed_status(member), "", False
    except (EtcdError, NodeError) as error:
        return None, error.what, isinstance(error, MistrustError)


async def _confirmed_status(member: MemberClient) -> MemberStatus:
    """The member's status; a leader that it names is believed only if a read goes through.

    A leader that has lost its followers goes on calling itself one for an election timeout.
    """
    status = await member.status(timeout=MEMBER_SECONDS)
    if not status.leader_id:
        return status
    try:
        await member.read(_NO_KEY, timeout=READ_SECONDS)
    except EtcdError as error:
        status = await member.status(timeout=MEMBER_SECONDS)
        if status.leader_id:
            status = replace(status, errors=(*status.errors, f"a read fails: {error.what}"))
        return status
    return replace(status, listed=await _listed(member))


async def _listed(member: MemberClient) -> tuple[ListedMember, ...]:
    try:
        return await member.members(timeout=READ_SECONDS)
    except EtcdError:
        return ()  # It has just answered a read: that it serves is known without its list.
