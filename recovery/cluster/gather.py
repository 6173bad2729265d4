"""Asks all control-plane nodes and members at once; each fails on its own, within its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import TYPE_CHECKING

from recovery.cluster.agreement import Agreement
from recovery.cluster.api_server_files import ApiServerFiles, read_api_server_files
from recovery.cluster.clocks import ClockReading, clock_reading
from recovery.cluster.closer_look import CloserLook, look_closer
from recovery.cluster.comparing_members import compare_members
from recovery.cluster.etcd_tools import find_tools
from recovery.cluster.facts import (
    ClusterFacts,
    EtcdManifest,
    EtcdTool,
    MemberStatus,
    NodeFacts,
)
from recovery.cluster.manifest import read_manifest
from recovery.cluster.member_asking import api_answer, etcd_exit, member_status
from recovery.cluster.node_probe import ProbeAnswer, probe_script, read_probe
from recovery.cluster.node_words import node_summary
from recovery.cluster.pod_command import MANIFEST_LIMIT
from recovery.cluster.quota import member_quota
from recovery.cluster.sections import fresh_marker
from recovery.errors import (
    HostKeyError,
    HungUpError,
    LoginRefusedError,
    ManifestError,
    NodeError,
    NodeUnreachableError,
    ScriptError,
)
from recovery.inventory.model import Cluster, Node

if TYPE_CHECKING:
    from recovery.ssh.fleet import Fleet
    from recovery.ssh.session import NodeSession

PROBE_SECONDS = 40.0
"""For the one script; a hanging disk or container runtime is what it waits for."""

_PAUSES = (0.2, 0.3, 0.5, 0.8, 1.2, 2.0)
"""Seconds before asking a node again whose connection was lost; the last one again and again."""

PERSISTENCE_SECONDS = 60.0
"""How long a node is asked anew whose connection breaks every time."""

_FAST = 2.0

HASTE_SECONDS = 5.0
"""For a connection, where an answer is wanted now: then a silent node is called so."""

OnNode = Callable[[str, str], None]
"""Hears a node's name and a few words as it answers."""


@dataclass(frozen=True, slots=True)
class _Answer:
    facts: NodeFacts
    member: MemberStatus | None
    silence: str
    """Why the member does not answer."""
    mistrusted: bool
    """It runs, but TLS to it fails."""


async def gather(
    fleet: Fleet, cluster: Cluster, on_node: OnNode | None = None, *, hasty: bool = False
) -> ClusterFacts:
    """The facts of all control-plane nodes and members; changes nothing.

    Never raises for a node or a member: what does not answer is in `unreachable` and `silent`.
    A node may take its connect timeout and about a minute, while the others have long answered;
    where `hasty`, one without a connection after `HASTE_SECONDS` is unreachable.
    """
    names = [node.name for node in cluster.control_plane]

    async def ask(session: NodeSession) -> _Answer:
        try:
            undisturbed = _ask_undisturbed(session, _backups(cluster, session.node))
            answer = await (_in_haste(session, undisturbed) if hasty else undisturbed)
        except NodeError as error:
            if on_node is not None:
                on_node(session.node.name, f"unreachable: {error.what}")
            raise
        if on_node is not None:
            one = _cluster_facts(cluster, {session.node.name: answer})
            on_node(session.node.name, node_summary(one, session.node.name))
        return answer

    facts = _cluster_facts(cluster, await fleet.each(names, ask))
    return replace(facts, agreement=await _agreement(fleet, facts))


async def _agreement(fleet: Fleet, facts: ClusterFacts) -> Agreement | None:
    """Only members with a leader are compared: others need not have taken in the same writes."""
    manifests = {name: node.manifest for name, node in facts.nodes.items() if node.manifest}
    serving = {name: one.revision for name, one in facts.members.items() if one.leader_id}
    return await compare_members(fleet, manifests, serving) if len(serving) > 1 else None


def _cluster_facts(cluster: Cluster, results: dict[str, _Answer | NodeError]) -> ClusterFacts:
    answers = {name: one for name, one in results.items() if isinstance(one, _Answer)}
    unreachable = {name: one for name, one in results.items() if isinstance(one, NodeError)}
    silent = {name: one.silence for name, one in answers.items() if one.member is None}
    return ClusterFacts(
        cluster=cluster,
        gathered_at=datetime.now(UTC),
        nodes={name: one.facts for name, one in answers.items()},
        unreachable=unreachable,
        members={name: one.member for name, one in answers.items() if one.member is not None},
        silent=silent | dict.fromkeys(unreachable, "its node is unreachable"),
        mistrusted=frozenset(name for name, one in answers.items() if one.mistrusted),
    )


async def _in_haste(
    session: NodeSession, undisturbed: Coroutine[object, object, _Answer]
) -> _Answer:
    asking = asyncio.ensure_future(undisturbed)
    try:
        await asyncio.wait({asking}, timeout=HASTE_SECONDS)
        if asking.done() or session.connected:
            return await asking
    finally:
        await _end(asking)
    raise NodeUnreachableError(
        f"no connection within {HASTE_SECONDS:g} s",
        where=session.node.name,
        remedy="see whether it is up and reachable from here; then look again",
    )


async def _ask_undisturbed(session: NodeSession, backups: str | None) -> _Answer:
    """Ask again where the connection was lost meanwhile: half an answer would mislead.

    A node that is off, or refuses, is told at once from one whose connection just broke: the
    first takes its connect timeout, the second fails fast.
    """
    started = time.monotonic()
    hung_up = 0
    for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
        connection, began = session.connection_number, time.monotonic()
        out_of_time = began - started > PERSISTENCE_SECONDS
        try:
            answer = await _ask(session, backups)
        except (HostKeyError, LoginRefusedError):
            raise
        except NodeError as error:
            if not session.disturbed_since(connection):
                hung_up += 1
                if hung_up > len(_PAUSES) or not _may_be_back(error, began, session):
                    raise
            if out_of_time:
                raise
        else:
            if not session.disturbed_since(connection):
                return answer
        if out_of_time:
            break
        await asyncio.sleep(pause)
    raise NodeUnreachableError(
        "its connection breaks again and again while it is asked",
        where=session.node.name,
        remedy="see what ends connections between here and it, then look again",
    )


def _may_be_back(error: NodeError, began: float, session: NodeSession) -> bool:
    """Whether a log-in that failed was cut, rather than refused or met with silence."""
    if isinstance(error.__cause__, ConnectionRefusedError):
        return False
    fast = time.monotonic() - began < min(_FAST, session.node.ssh.connect_timeout / 2)
    return fast or isinstance(error, HungUpError)


async def _ask(session: NodeSession, backups: str | None) -> _Answer:
    looking = asyncio.ensure_future(_tools(session))
    reading = asyncio.ensure_future(read_api_server_files(session))
    try:
        manifest, manifest_error = await _read_manifest(session)
        asking = asyncio.ensure_future(member_status(session, manifest))
        closer = asyncio.ensure_future(_look_closer(session, manifest, reading, backups))
        try:
            probe, clock = await _probe(session, manifest)
            tools, tools_error = await looking
            member, silence, mistrusted = await asking
            look = await closer
        finally:
            await _end(asking)
            await _end(closer)
    finally:
        await _end(reading)
        await _end(looking)
    if probe.manifest_mode_and_owner is None:
        manifest, manifest_error = None, "it is missing"
    elif manifest is not None:
        mode, owner = probe.manifest_mode_and_owner
        manifest = replace(manifest, mode=mode, owner=owner)
    if member is not None and member.quota is None and manifest is not None:
        member = replace(member, quota=member_quota(manifest))
    facts = NodeFacts(
        node=session.node,
        hostname=probe.hostname,
        is_root=probe.is_root,
        clock_offset=clock.ahead,
        clock_doubt=clock.doubt,
        kubelet=probe.kubelet,
        manifest=manifest,
        manifest_error=manifest_error,
        data_dir=probe.data_dir,
        containers=probe.containers,
        containers_error=probe.containers_error,
        tools=tools,
        has_python3=probe.has_python3,
        selinux_enforcing=probe.selinux_enforcing,
        architecture=probe.architecture,
        api_server_port=probe.api_server_port,
        tools_error=tools_error,
        api_server_address=probe.api_server_address,
        certificates=look.certificates,
        ports=look.ports,
        surroundings=look.surroundings,
        encryption=look.encryption,
        api_server=await api_answer(session, manifest, probe, member),
        etcd_exit=await etcd_exit(session, probe) if member is None else None,
        manifest_elsewhere=probe.manifest_elsewhere,
    )
    return _Answer(facts, member, silence, mistrusted)


async def _look_closer(
    session: NodeSession,
    manifest: EtcdManifest | None,
    reading: asyncio.Future[ApiServerFiles],
    backups: str | None,
) -> CloserLook:
    return await look_closer(session, manifest, await reading, backups)


def _backups(cluster: Cluster, node: Node) -> str | None:
    local = cluster.backup.local if cluster.backup else None
    return node.paths.backups or (local.path if local else None)


async def _end(task: asyncio.Future[object] | asyncio.Task[object]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _read_manifest(session: NodeSession) -> tuple[EtcdManifest | None, str | None]:
    path = session.node.paths.etcd_manifest
    try:
        content = await session.read_file(path, limit=MANIFEST_LIMIT, timeout=15)
    except NodeUnreachableError:
        raise
    except NodeError as error:
        return None, f"it cannot be read: {error.what}"
    try:
        return read_manifest(path, content.decode(), "", ""), None
    except UnicodeDecodeError:
        return None, "it is not UTF-8 text"
    except ManifestError as error:
        return None, error.what


async def _probe(
    session: NodeSession, manifest: EtcdManifest | None
) -> tuple[ProbeAnswer, ClockReading]:
    data_dir = manifest.data_dir if manifest else session.node.paths.data_dir
    marker = fresh_marker()
    started = time.time()
    text = probe_script(session.node.paths, data_dir, marker, session.node.name)
    result = await session.run(text, timeout=PROBE_SECONDS)
    ended = time.time()
    try:
        answer = read_probe(result.stdout, marker, result.stderr)
    except (ValueError, KeyError) as error:
        raise ScriptError(
            "the node did not answer in full",
            where=session.node.name,
            remedy="see what its shell says: run `sh -c 'stat -c %d /; df -Pk /'` there",
            detail=result.stderr[-2000:],
        ) from error
    return answer, clock_reading(started, answer.began, answer.ended, ended)


async def _tools(session: NodeSession) -> tuple[tuple[EtcdTool, ...], str | None]:
    try:
        return await find_tools(session), None
    except NodeUnreachableError:
        raise
    except NodeError as error:
        return (), error.what
