"""The rehearsal's SSH servers do what a node's sshd does, as far as the engine relies on it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shlex
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from recovery.errors import HostKeyError, LoginRefusedError, NodeUnreachableError
from recovery.inventory.load import load_inventory
from recovery.inventory.model import Node
from recovery.rehearsal.breaking import Breakage
from recovery.ssh.session import NodeSession
from tests.cluster_fixtures import RunningRehearsal, processes_of, running_rehearsal
from tests.rehearsal.faulty_network import FaultyNetwork, faulty_network
from tests.rehearsal.waiting import wait_for

pytestmark = pytest.mark.cluster


@pytest.fixture
def node(broken_rehearsal: RunningRehearsal) -> Node:
    """The first control-plane node."""
    return broken_rehearsal.cluster.control_plane[0]


@pytest.fixture
async def connection(node: Node) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A plain SSH connection, without the engine."""
    assert node.ssh.port is not None
    async with asyncssh.connect(
        node.host,
        node.ssh.port,
        username="root",
        client_keys=[str(node.ssh.identity_file)],
        known_hosts=str(node.ssh.known_hosts_file),
        config=None,
        agent_path=None,
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def network(broken_rehearsal: RunningRehearsal) -> Iterator[FaultyNetwork]:
    """Relays before the nodes."""
    with faulty_network(broken_rehearsal) as made:
        yield made


async def test_every_node_says_its_own_name(broken_rehearsal: RunningRehearsal) -> None:
    for one in broken_rehearsal.cluster.nodes:
        session = NodeSession(one)
        assert (await session.check("hostname")).strip() == one.name
        await session.close()


async def test_output_errors_and_status_arrive_apart(
    connection: asyncssh.SSHClientConnection,
) -> None:
    done = await connection.run("echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.exit_status) == ("out\n", "err\n", 7)


async def test_input_arrives_whole_and_ends(connection: asyncssh.SSHClientConnection) -> None:
    content = os.urandom(3 * 2**20)
    done = await connection.run("sha256sum", input=content, encoding=None)
    assert isinstance(done.stdout, bytes)
    assert done.stdout.split()[0].decode() == hashlib.sha256(content).hexdigest()


async def test_much_output_arrives_whole_in_any_bytes(
    connection: asyncssh.SSHClientConnection,
) -> None:
    done = await connection.run("head -c 5000000 /dev/urandom | tee copied; ", encoding=None)
    assert isinstance(done.stdout, bytes)
    check = await connection.run("sha256sum < copied; rm copied")
    assert str(check.stdout).split()[0] == hashlib.sha256(done.stdout).hexdigest()


async def test_a_command_that_a_signal_ended_says_which(
    connection: asyncssh.SSHClientConnection,
) -> None:
    done = await connection.run("kill -TERM $$")
    assert done.exit_signal is not None
    assert done.exit_signal[0] == "TERM"


async def test_a_command_begins_in_roots_home_and_sees_nothing_of_the_operators(
    connection: asyncssh.SSHClientConnection, broken_rehearsal: RunningRehearsal, node: Node
) -> None:
    done = await connection.run("pwd; echo $HOME; env")
    home, variable, *environment = str(done.stdout).splitlines()
    assert home == variable == str(broken_rehearsal.directory / "nodes" / node.name / "root")
    names = {line.partition("=")[0] for line in environment}
    assert not {name for name in names if name.startswith(("AWS_", "SSH_", "XDG_", "VIRTUAL"))}


async def test_a_command_outlives_a_lost_connection(node: Node, tmp_path: Path) -> None:
    gate, proof = tmp_path / "gate", tmp_path / "proof"
    text = (
        f"echo begun; while [ ! -e {shlex.quote(str(gate))} ]; do sleep 0.05; done; "
        f"echo done > {shlex.quote(str(proof))}"
    )
    assert node.ssh.port is not None
    opened = await asyncssh.connect(
        node.host,
        node.ssh.port,
        username="root",
        client_keys=[str(node.ssh.identity_file)],
        known_hosts=str(node.ssh.known_hosts_file),
        config=None,
        agent_path=None,
    )
    process = await opened.create_process(text)
    assert await process.stdout.readline() == "begun\n"
    opened.abort()
    gate.touch()
    await asyncio.to_thread(wait_for, proof.exists, "the command to go on")


async def test_a_command_that_writes_to_a_lost_connection_dies_of_it(node: Node) -> None:
    assert node.ssh.port is not None
    opened = await asyncssh.connect(
        node.host,
        node.ssh.port,
        username="root",
        client_keys=[str(node.ssh.identity_file)],
        known_hosts=str(node.ssh.known_hosts_file),
        config=None,
        agent_path=None,
    )
    process = await opened.create_process("echo $$; while :; do echo more; sleep 0.05; done")
    pid = (await process.stdout.readline()).strip()
    opened.abort()
    await asyncio.to_thread(wait_for, lambda: not Path(f"/proc/{pid}").exists(), "SIGPIPE")


async def test_a_signal_reaches_the_command_and_its_children(
    connection: asyncssh.SSHClientConnection,
) -> None:
    process = await connection.create_process("trap 'echo stopped; exit 3' TERM; echo up; sleep 60")
    assert await process.stdout.readline() == "up\n"
    process.terminate()
    done = await process.wait()
    assert (done.stdout, done.exit_status) == ("stopped\n", 3)


async def test_a_running_command_ends_with_the_rehearsal_and_without_a_word() -> None:
    with running_rehearsal(Breakage.NONE) as rehearsal:
        session = NodeSession(rehearsal.cluster.control_plane[0])
        begun = asyncio.Event()
        running = asyncio.create_task(
            session.run("echo begun; sleep 60", timeout=50, on_output=lambda *_: begun.set())
        )
        await begun.wait()
        rehearsal.supervisor.terminate()
        assert (await running).exit_status is None
        await asyncio.to_thread(rehearsal.supervisor.wait, 20)
        assert rehearsal.supervisor.stderr is not None
        assert rehearsal.supervisor.stderr.read() == ""
        assert not processes_of(rehearsal.directory)
        await session.close()


async def test_files_go_through_sftp(
    connection: asyncssh.SSHClientConnection, node: Node, tmp_path: Path
) -> None:
    (tmp_path / "here").write_bytes(b"content")
    target = f"{node.paths.kubernetes}/there"
    async with connection.start_sftp_client() as sftp:
        await sftp.put(str(tmp_path / "here"), target)
        await sftp.get(target, str(tmp_path / "back"))
        await sftp.remove(target)
    assert (tmp_path / "back").read_bytes() == b"content"


async def test_a_tunnel_leads_to_the_member(node: Node) -> None:
    session = NodeSession(node)
    async with session.tunnel(node.host, 2381) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.0 200")
        writer.close()
    await session.close()


def _lines(path: Path | None) -> list[str]:
    assert path is not None
    return path.read_text().splitlines()


async def test_another_key_is_refused(node: Node, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.touch(mode=0o600)
    stranger.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    session = NodeSession(replace(node, ssh=replace(node.ssh, identity_file=stranger)))
    with pytest.raises(LoginRefusedError):
        await session.check("true")


async def test_every_node_has_a_host_key_of_its_own(
    broken_rehearsal: RunningRehearsal, node: Node, tmp_path: Path
) -> None:
    lines = _lines(node.ssh.known_hosts_file)
    assert len({line.split()[2] for line in lines}) == len(broken_rehearsal.cluster.nodes)
    wrong = tmp_path / "known_hosts"
    wrong.write_text(f"{lines[0].split()[0]} {' '.join(lines[1].split()[1:])}\n")
    session = NodeSession(replace(node, ssh=replace(node.ssh, known_hosts_file=wrong)))
    with pytest.raises(HostKeyError):
        await session.check("true")


async def test_what_a_node_does_not_know_fails_loudly(
    connection: asyncssh.SSHClientConnection,
) -> None:
    for command in ("systemctl mask kubelet", "crictl rmi --prune", "kubectl drain etcd-1"):
        done = await connection.run(command)
        assert done.exit_status not in (0, None), command
        assert done.stderr, command


async def test_a_silent_node_is_given_up_in_time(network: FaultyNetwork) -> None:
    target = load_inventory(network.inventory_path).clusters[0].node("etcd-2")
    impatient = replace(target, ssh=replace(target.ssh, connect_timeout=0.5))
    relay = network.relays["etcd-2"]
    relay.freeze()
    try:
        with pytest.raises(NodeUnreachableError):
            await NodeSession(impatient).check("true")
    finally:
        relay.thaw()
    session = NodeSession(target)
    assert await session.check("echo back") == "back\n"
    await session.close()


async def test_a_cut_connection_leaves_the_outcome_unknown(network: FaultyNetwork) -> None:
    target = load_inventory(network.inventory_path).clusters[0].node("etcd-3")
    session = NodeSession(target)
    begun = asyncio.Event()
    running = asyncio.create_task(
        session.run("echo begun; sleep 30", timeout=20, on_output=lambda *_: begun.set())
    )
    await begun.wait()
    await asyncio.to_thread(network.relays["etcd-3"].cut)
    assert (await running).exit_status is None
    assert await session.check("echo back") == "back\n"
    await session.close()


async def test_a_node_switched_off_refuses_and_comes_back(network: FaultyNetwork) -> None:
    target = load_inventory(network.inventory_path).clusters[0].node("worker-1")
    relay = network.relays["worker-1"]
    await asyncio.to_thread(relay.switch_off)
    with pytest.raises(NodeUnreachableError):
        await NodeSession(target).check("true")
    await asyncio.to_thread(relay.switch_on)
    session = NodeSession(target)
    assert await session.check("echo back") == "back\n"
    await session.close()
