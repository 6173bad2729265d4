"""A node fetches an object by itself, through a link that nobody else gets to see."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from recovery.backups.cluster_stores import KeyedS3Store
from recovery.backups.configuration import S3Storage
from recovery.backups.model import Catalog, Copy, Integrity, Snapshot
from recovery.backups.other_copies import elsewhere_of
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_store import LINK_SECONDS, S3Store
from recovery.errors import StoreError
from recovery.inventory.model import Cluster, S3CredentialsSource
from recovery.restore.delivering import Deliverer, Supply
from recovery.restore.events import Stream
from recovery.restore.plan import Carried, Delivery
from recovery.snapshots.model import JudgedSnapshot, Verdict
from recovery.ssh import partial_scripts
from recovery.ssh.elsewhere import Elsewhere, LinkedObject
from recovery.ssh.fleet import Fleet
from recovery.ssh.session import NodeSession
from tests.backups.places import put_object
from tests.backups.tcp_proxy import wire_to
from tests.ssh.local_files import lying_here
from tests.ssh.servers import Account, InProcessServer, in_process_server

NAME = "snapshot-etcd-20261122-000000-10.0.0.11.tar"
DATABASE = b"".join(b"/registry/pods/default/pod-%09d\n" % n for n in range(100_000))
SECRETS = ("X-Amz-Signature", "X-Amz-Credential")


def tarred(content: bytes) -> bytes:
    """A backup as the platform writes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("snapshot.db")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Watched:
    """A node that keeps the arguments of all its processes whenever it fetches."""

    session: NodeSession
    listing: Path
    server: InProcessServer
    heard: list[str] = field(default_factory=list)
    told: list[int] = field(default_factory=list)

    async def deliver(self, local: Path, elsewhere: Elsewhere, directory: Path) -> str:
        """Deliver the database as a run does; what was heard on the way, in one text."""
        await asyncio.to_thread(directory.mkdir)
        sha256 = hashlib.sha256(DATABASE).hexdigest()
        delivery = Delivery(
            Carried.SNAPSHOT, str(directory / "snapshot.db"), sha256, len(DATABASE), 0o600
        )
        fleet = Fleet(Cluster("prod-a", (self.session.node,)))
        deliverer = Deliverer(fleet, Supply(lying_here(local), elsewhere))

        def heard(_: Stream, lines: object) -> None:
            assert isinstance(lines, list)
            self.heard += lines

        await deliverer.deliver(
            self.session, delivery, heard, lambda what, done, total: self.told.append(done)
        )
        assert (directory / "snapshot.db").read_bytes() == DATABASE
        assert os.listdir(directory) == ["snapshot.db"]  # noqa: PTH208
        assert self.told[-1] == len(DATABASE)
        return "\n".join(self.heard)

    def nobody_saw_the_link(self) -> None:
        """Neither a process list, nor a command line, nor what a person hears has it."""
        seen = "\n".join((*self.heard, *self.server.commands))
        seen += self.listing.read_text() if self.listing.exists() else ""
        assert not [secret for secret in SECRETS if secret in seen]


@pytest.fixture(params=partial_scripts.PULLERS)
def puller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The one program that a node can fetch with."""
    if shutil.which(request.param, path="/usr/bin:/bin") is None:
        pytest.skip("it is not installed")
    monkeypatch.setattr(partial_scripts, "PULLERS", (request.param,))
    name: str = request.param
    return name


@pytest.fixture
async def watched(account: Account, tmp_path: Path) -> AsyncIterator[Watched]:
    """A node whose curl, python3 and wget first note what `ps` would show."""
    tools, listing = tmp_path / "tools", tmp_path / "processes"
    tools.mkdir()
    for name in partial_scripts.PULLERS:
        path = shutil.which(name, path="/usr/bin:/bin")
        if path is None:
            continue
        tool = tools / name
        tool.write_text(
            "#!/bin/sh\n"
            f"(sleep 0.1; cat /proc/[0-9]*/cmdline 2> /dev/null | tr '\\0' '\\n' >> {listing}) &\n"
            f'exec {path} "$@"\n'
        )
        tool.chmod(0o755)
    server = InProcessServer(environment={"PATH": f"{tools}:{os.environ['PATH']}"})
    async with in_process_server(account, server) as running:
        account.trust(running)
        session = NodeSession(account.node(running))
        yield Watched(session, listing, server)
        await session.close()


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """The unpacked database on this machine."""
    path = tmp_path / "database"
    path.write_bytes(DATABASE)
    return path


@pytest.fixture
def store(storage: S3Storage, keys: S3Keys) -> S3Store:
    """A bucket with the backup in it."""
    store = S3Store(storage, keys)
    put_object(store, f"prod-a/{NAME}", tarred(DATABASE))
    return store


async def the_copy(store: S3Store) -> Copy:
    """The backup as the bucket lists it."""
    (copy,) = await store.list()
    return copy


def elsewhere_in(store: S3Store, copy: Copy, *, verify_tls: bool = True) -> Elsewhere:
    """The object, and nothing else, as another place of the database."""
    linked = LinkedObject(copy.location, lambda: store.link(copy), verify_tls=verify_tls)
    return Elsewhere(("tar",), {}, linked)


async def test_a_link_is_good_for_minutes_and_for_one_object(store: S3Store) -> None:
    link = await store.link(await the_copy(store))
    asked = parse_qs(urlsplit(link).query)
    assert asked["X-Amz-Expires"] == [str(LINK_SECONDS)] and LINK_SECONDS <= 600
    assert urlsplit(link).path.endswith(f"/prod-a/{NAME}")
    assert "secret-of-the-test" not in link


async def test_a_node_fetches_the_object_itself_and_nobody_sees_the_link(
    store: S3Store, watched: Watched, local: Path, tmp_path: Path, puller: str
) -> None:
    elsewhere = elsewhere_in(store, await the_copy(store))
    said = await watched.deliver(local, elsewhere, tmp_path / "there")
    assert f"$ fetch s3://{store.storage.bucket}/prod-a/{NAME} to {tmp_path}/there/" in said
    assert f", with {puller}" in said
    assert "$ send" not in said
    watched.nobody_saw_the_link()
    assert puller in watched.listing.read_text()


async def test_a_certificate_is_looked_at_unless_the_configuration_says_otherwise(
    storage: S3Storage,
    keys: S3Keys,
    store: S3Store,
    tls_endpoint: str,
    watched: Watched,
    local: Path,
    tmp_path: Path,
    puller: str,
) -> None:
    copy = await the_copy(store)
    behind_tls = S3Store(replace(storage, endpoint=tls_endpoint), keys)
    said = await watched.deliver(local, elsewhere_in(behind_tls, copy), tmp_path / "strict")
    assert "the node cannot fetch it itself, so it is sent" in said and "$ send" in said
    watched.heard.clear()
    lax = elsewhere_in(behind_tls, copy, verify_tls=False)
    said = await watched.deliver(local, lax, tmp_path / "lax")
    assert "arrived whole" in said and "$ send" not in said
    watched.nobody_saw_the_link()


async def test_an_object_that_breaks_off_is_sent_to_its_end(
    storage: S3Storage, keys: S3Keys, store: S3Store, watched: Watched, local: Path, tmp_path: Path
) -> None:
    copy = await the_copy(store)
    async with wire_to(storage.endpoint) as wire:
        wire.cuts = [2_600_000] * 5
        broken = S3Store(replace(storage, endpoint=wire.url), keys)
        said = await watched.deliver(local, elsewhere_in(broken, copy), tmp_path / "there")
    assert "so it is sent: curl: (18)" in said
    assert "bytes are there already" in said
    watched.nobody_saw_the_link()


@pytest.mark.parametrize("answer", ["403 Forbidden", "404 Not Found", "307 Elsewhere", ""])
async def test_a_link_that_gives_nothing_leads_to_sending(
    watched: Watched, local: Path, tmp_path: Path, answer: str, puller: str
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        head = f"HTTP/1.1 {answer}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if not answer:  # nobody listens
        server.close()

    async def make_link() -> str:
        return f"http://127.0.0.1:{port}/bucket/key?X-Amz-Credential=a&X-Amz-Signature=b"

    elsewhere = Elsewhere(("tar",), {}, LinkedObject("s3://bucket/key", make_link))
    said = await watched.deliver(local, elsewhere, tmp_path / "there")
    assert "the node cannot fetch it itself, so it is sent: " in said and "$ send" in said
    if puller != "wget" and answer.startswith("4"):
        assert answer[:3] in said
    watched.nobody_saw_the_link()
    server.close()


async def test_an_object_with_other_bytes_is_not_taken(
    store: S3Store, watched: Watched, local: Path, tmp_path: Path
) -> None:
    put_object(store, f"prod-a/{NAME}", tarred(DATABASE[::-1]))
    said = await watched.deliver(
        local, elsewhere_in(store, await the_copy(store)), tmp_path / "there"
    )
    assert "so it is sent: " in said and "the bytes that arrived are not those" in said


async def test_without_keys_for_a_link_it_is_sent(
    watched: Watched, local: Path, tmp_path: Path
) -> None:
    async def make_link() -> str:
        raise StoreError("there are no keys for this bucket", where="s3://bucket/")

    elsewhere = Elsewhere((), {}, LinkedObject("s3://bucket/key", make_link))
    said = await watched.deliver(local, elsewhere, tmp_path / "there")
    assert "so it is sent: there are no keys for this bucket" in said


@pytest.mark.parametrize("link", ['http://x/"\noutput = "/etc/passwd', "file:///etc/shadow", ""])
def test_only_a_plain_url_is_given_to_a_node(link: str) -> None:
    with pytest.raises(ValueError, match="no plain URL"):
        partial_scripts.link_input("curl", link)


async def test_the_other_copies_are_those_of_the_same_backup_and_size(
    storage: S3Storage, keys: S3Keys, store: S3Store, session: NodeSession, tmp_path: Path
) -> None:
    copy = await the_copy(store)
    on_nodes = [
        replace(copy, store=kind, node=f"etcd-{n}", path=f"/cpaas/backup/{NAME}", bucket=None)
        for n, kind in enumerate([*[type(copy.store).NODE] * 2, type(copy.store).MEMBER], 1)
    ]
    on_nodes[1] = replace(on_nodes[1], size=5)
    snapshot = Snapshot(NAME, copy.modified_at, (*on_nodes, copy))
    judged = JudgedSnapshot(
        NAME, on_nodes[0].location, Verdict(Integrity.VERIFIED, None, None), ("tar",)
    )
    cluster = Cluster("prod-a", (session.node,), s3_credentials=S3CredentialsSource())

    lax = replace(storage, skip_tls_verify=True)
    stores = (KeyedS3Store(lax, cluster, lambda _: keys, None),)
    elsewhere = elsewhere_of(judged, Catalog((snapshot,)), stores)
    assert elsewhere.on_nodes == {"etcd-1": (f"/cpaas/backup/{NAME}",)}
    assert elsewhere.wrappings == ("tar",)
    assert elsewhere.linked is not None and not elsewhere.linked.verify_tls
    assert "X-Amz-Signature" in await elsewhere.linked.make_link()
    alone = elsewhere_of(judged, None, stores)
    assert alone.on_nodes == {"etcd-1": (f"/cpaas/backup/{NAME}",)} and alone.linked is None
    here = elsewhere_of(replace(judged, location="/tmp/x.db"), None, stores)
    assert here == Elsewhere(("tar",))
