"""The client against real members with TLS."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recovery.cluster.etcd_answers import MistrustError, RevisionGoneError
from recovery.cluster.etcd_client import MemberClient, connected, open_member, prefix_end
from recovery.cluster.etcd_target import Certificates, Target, client_target
from recovery.cluster.manifest import read_manifest
from recovery.errors import EtcdError, NodeError
from recovery.inventory.model import NodePaths
from recovery.ssh.session import NodeSession
from tests.cluster.etcd_members import Authority, RealCluster
from tests.cluster.manifests import KUBEADM
from tests.cluster.ssh_nodes import ssh_node


async def until_serving(client: MemberClient, seconds: float = 20) -> None:
    """Wait until a linearizable read succeeds."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await client.read(b"x", timeout=1)
                return
            except EtcdError:
                continue


async def test_members_answer_and_agree(etcd_cluster: RealCluster) -> None:
    hashes = set()
    revision = 0
    for member in etcd_cluster.members.values():
        async with connected(member.name, member.target, member.certificates) as client:
            await until_serving(client)
            if not revision:
                revision = await client.put(b"/registry/a", b"1")
            assert await client.read(b"/registry/a") == b"1"
            status = await client.status()
            assert (status.name, status.learner, status.errors) == (member.name, False, ())
            assert status.leader_id
            listed = await client.members()
            assert {m.name for m in listed} == set(etcd_cluster.members)
            assert not any(m.learner for m in listed)
            answer = await client.hash_kv(revision)
            hashes.add((answer.hash, answer.compact_revision))
            assert await client.alarms() == ()
    assert len(hashes) == 1


async def test_keys_come_in_pages_as_of_one_revision(etcd_cluster: RealCluster) -> None:
    member = etcd_cluster.members["etcd-1"]
    async with connected(member.name, member.target, member.certificates) as client:
        await until_serving(client)
        for number in range(25):
            await client.put(b"/p/%02d" % number, b"v")
        seen: list[bytes] = []
        async for page in client.pages(b"/p/", page=10):
            seen += [stored.key for stored in page.keys]
            await client.put(b"/p/99-%d" % len(seen), b"late")
        assert seen == [b"/p/%02d" % number for number in range(25)]
        assert await client.count(b"/p/") == 28
        assert await client.delete(b"/p/00") == 1
        assert await client.get(b"/p/00") is None
        everything = [key async for page in client.pages() for key in page.keys]
        assert len(everything) == await client.count()


async def test_a_compacted_revision_is_an_error_of_its_own(etcd_cluster: RealCluster) -> None:
    member = etcd_cluster.members["etcd-2"]
    async with connected(member.name, member.target, member.certificates) as client:
        await until_serving(client)
        revision = await client.put(b"/c", b"1")
        revision = await client.put(b"/c", b"2")
        await client.compact(revision)
        with pytest.raises(RevisionGoneError):
            await client.hash_kv(revision - 1)
        newest = await client.put(b"/c", b"3")
        assert (await client.hash_kv(newest)).compact_revision == revision


async def test_a_snapshot_ends_in_its_hash(etcd_cluster: RealCluster) -> None:
    member = etcd_cluster.members["etcd-1"]
    parts: list[bytes] = []
    async with connected(member.name, member.target, member.certificates) as client:
        await until_serving(client)
        await client.snapshot(parts.append)
    assert sum(map(len, parts)) % 512 == 32


async def test_a_member_is_reached_through_ssh_with_the_nodes_certificates(
    etcd_cluster: RealCluster, tmp_path: Path
) -> None:
    manifest = etcd_cluster.manifest("etcd-3")
    async with ssh_node("etcd-3", tmp_path / "node", NodePaths()) as node:
        session = NodeSession(node)
        try:
            async with open_member(session, manifest) as client:
                await until_serving(client)
                assert (await client.status()).name == "etcd-3"
            missing = read_manifest(
                "etcd.yaml", manifest.text.replace("server.crt", "gone.crt"), "600", "0:0"
            )
            with pytest.raises(EtcdError, match=r"gone\.crt cannot be read"):
                async with open_member(session, missing):
                    pass
        finally:
            await session.close()


async def test_a_dead_member_is_named_and_seen_again_when_it_is_back(
    etcd_cluster: RealCluster, tmp_path: Path
) -> None:
    member = etcd_cluster.members["etcd-2"]
    async with ssh_node("etcd-2", tmp_path / "node", NodePaths()) as node:
        session = NodeSession(node)
        try:
            async with open_member(session, etcd_cluster.manifest("etcd-2")) as client:
                await until_serving(client)
                etcd_cluster.stop("etcd-2")
                with pytest.raises(EtcdError, match="does not accept connections") as caught:
                    await client.status()
                assert caught.value.where == "etcd-2"
                assert caught.value.remedy
                etcd_cluster.start("etcd-2")
                async with connected("direct", member.target, member.certificates) as direct:
                    await until_serving(direct)
                started = time.monotonic()
                await until_serving(client)
                assert time.monotonic() - started < 3
        finally:
            await session.close()


async def test_without_quorum_status_answers_and_a_read_does_not(
    etcd_cluster: RealCluster,
) -> None:
    member = etcd_cluster.members["etcd-1"]
    async with connected(member.name, member.target, member.certificates) as client:
        await until_serving(client)
        etcd_cluster.stop("etcd-2", "etcd-3")
        try:
            async with asyncio.timeout(15):
                while (await client.status()).leader_id:
                    pass
            started = time.monotonic()
            with pytest.raises(EtcdError):
                await client.read(b"/x", timeout=0.5)
            assert time.monotonic() - started < 3
            assert "etcdserver: no leader" in (await client.status()).errors
            assert await client.get(b"/registry/none", serializable=True) is None
        finally:
            etcd_cluster.start("etcd-2", "etcd-3")
        await until_serving(client)


async def test_a_member_that_starts_without_the_others_is_not_taken_for_mistrust(
    tmp_path: Path,
) -> None:
    etcd = RealCluster(tmp_path)
    try:
        etcd.start("etcd-1")
        async with ssh_node("etcd-1", tmp_path / "node", NodePaths()) as node:
            session = NodeSession(node)
            async with open_member(session, etcd.manifest("etcd-1")) as client:
                with pytest.raises(EtcdError) as caught:
                    await client.status(timeout=4)
            await session.close()
        assert not isinstance(caught.value, MistrustError)
    finally:
        etcd.stop()


async def test_a_cancelled_call_ends_at_once(etcd_cluster: RealCluster) -> None:
    silent = await asyncio.start_server(lambda _r, _w: asyncio.sleep(0), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    certificates = etcd_cluster.members["etcd-1"].certificates
    async with silent, connected("mute", Target("127.0.0.1", port, "x"), certificates) as client:
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.status(timeout=30)
        assert time.monotonic() - started < 2
        with pytest.raises(EtcdError, match=r"no answer within 0\.3 s"):
            await client.status(timeout=0.3)


async def test_tls_trouble_says_what_to_do(etcd_cluster: RealCluster) -> None:
    member = etcd_cluster.members["etcd-1"]
    good = member.certificates
    async with connected(member.name, member.target, good) as client:
        await until_serving(client)

    async def complaint(target: Target, certificates: Certificates) -> str:
        async with connected("etcd-1", target, certificates) as client:
            with pytest.raises(EtcdError) as caught:
                await client.status(timeout=5)
            assert caught.value.remedy
            return caught.value.what

    other = Target(member.address, member.port, "10.9.9.9")
    assert "does not name the address" in await complaint(other, good)
    stranger = Authority.make()
    foreign = Certificates(stranger.pem, good.certificate, good.key)
    assert "not signed by the CA" in await complaint(member.target, foreign)
    theirs = stranger.issue("x", "127.0.0.1")
    refused = Certificates(good.authority, *theirs)
    assert "refuses the node's own certificate" in await complaint(member.target, refused)
    old = etcd_cluster.authority.issue("x", member.address, expired=True)
    expired = Certificates(good.authority, *old)
    assert "refuses the node's own certificate" in await complaint(member.target, expired)
    garbage = Certificates(good.authority, b"-----BEGIN nothing", b"-----BEGIN nothing")
    assert "damaged" in await complaint(member.target, garbage)


@pytest.mark.parametrize(
    ("listen", "target"),
    [
        ("https://10.0.0.11:2379,https://127.0.0.1:2379", ("127.0.0.1", 2379, "127.0.0.1")),
        ("https://10.0.0.11:2379", ("10.0.0.11", 2379, "10.0.0.11")),
        ("https://0.0.0.0:2379", ("127.0.0.1", 2379, "10.0.0.11")),
        ("https://[::]:2379", ("::1", 2379, "10.0.0.11")),
        ("http://127.0.0.1:2379", ("127.0.0.1", 2379, "")),
        ("https://localhost:2379", ("localhost", 2379, "localhost")),
    ],
)
def test_a_member_is_asked_on_its_nodes_loopback_where_it_listens_there(
    listen: str, target: tuple[str, int, str]
) -> None:
    text = KUBEADM.replace("https://127.0.0.1:2379,https://10.0.0.11:2379", listen)
    found = client_target(read_manifest("etcd.yaml", text, "600", "0:0"))
    assert (found.host, found.port, found.tls_name) == target


@pytest.mark.parametrize("listen", ["unix://x", "https://10.0.0.11", "https://[x:2379"])
def test_a_member_without_a_usable_address_is_an_error(listen: str) -> None:
    text = KUBEADM.replace("https://127.0.0.1:2379,https://10.0.0.11:2379", listen)
    with pytest.raises(NodeError, match="listen-client-urls"):
        client_target(read_manifest("etcd.yaml", text, "600", "0:0"))


def test_a_private_key_is_never_printed() -> None:
    assert "secret" not in repr(Certificates(b"ca", b"cert", b"secret"))


def test_a_prefix_ends_before_the_next_one() -> None:
    assert prefix_end(b"/a/") == b"/a0"
    assert prefix_end(b"a\xff") == b"b"
    assert prefix_end(b"") == prefix_end(b"\xff") == b"\0"


def test_the_door_loads_quietly_and_leaves_the_environment_to_others() -> None:
    script = (
        "import os, sys\n"
        "import recovery.cluster.etcd_client\n"
        "assert 'grpc' not in sys.modules and 'google.protobuf' not in sys.modules\n"
        "import recovery.cluster.etcd_door\n"
        "assert 'PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION' not in os.environ\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
    )
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, b"", b"")
