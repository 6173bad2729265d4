"""The places where a cluster's backups lie, from its inventory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.backups.configuration import S3Storage
from recovery.backups.credentials import AskForKeys, ReadSecret, find_credentials
from recovery.backups.member_store import MemberStore
from recovery.backups.model import Copy, StoreKind
from recovery.backups.node_store import NodeStore, ToolOn
from recovery.backups.outside_text import one_line
from recovery.backups.stores import BytesProgress, ReadInPlace, Store, WritableStore
from recovery.inventory.model import Cluster, Node
from recovery.ssh.elsewhere import LinkedObject

if TYPE_CHECKING:
    from recovery.backups.s3_store import S3Store
    from recovery.ssh.fleet import Fleet

USUAL_DIRECTORIES = ("/cpaas/backup", "/cpaas")
"""Where the platform writes backups if nobody says otherwise: newer releases, then older ones."""


def cluster_stores(
    cluster: Cluster,
    fleet: Fleet,
    ask: AskForKeys | None,
    read_secret: ReadSecret | None = None,
    tool_on: ToolOn | None = None,
) -> tuple[Store, ...]:
    """The backup directories of the control-plane nodes, the bucket, and the members' own data.

    Without a configured directory the usual ones are looked into, and may be absent.
    """
    stores: list[Store] = []
    for node in cluster.control_plane:
        session = fleet.session(node.name)
        named = _directory(cluster, node)
        if named is not None:
            stores.append(NodeStore(session, named, tool_on=tool_on))
        else:
            stores += [
                NodeStore(session, usual, optional=True, tool_on=tool_on)
                for usual in USUAL_DIRECTORIES
            ]
    if cluster.backup is not None and cluster.backup.s3 is not None:
        stores.append(KeyedS3Store(cluster.backup.s3, cluster, ask, read_secret))
    stores += [MemberStore(fleet.session(node.name)) for node in cluster.control_plane]
    return tuple(stores)


def writable_stores(stores: Iterable[Store]) -> tuple[WritableStore, ...]:
    """Those of the stores that new backups are written to: configured ones, no guesses."""
    return tuple(
        store
        for store in stores
        if (isinstance(store, NodeStore) and not store.optional) or isinstance(store, KeyedS3Store)
    )


def _directory(cluster: Cluster, node: Node) -> str | None:
    if node.paths.backups is not None:
        return node.paths.backups
    if cluster.backup is not None and cluster.backup.local is not None:
        return cluster.backup.local.path
    return None


class KeyedS3Store:
    """The cluster's bucket; its keys are looked for when it is first asked."""

    kind = StoreKind.S3

    def __init__(
        self,
        storage: S3Storage,
        cluster: Cluster,
        ask: AskForKeys | None,
        read_secret: ReadSecret | None,
    ) -> None:
        self._storage = storage
        self._source = cluster.s3_credentials
        self._ask = ask
        self._read_secret = read_secret
        self._finding = asyncio.Lock()
        self._found: S3Store | None = None

    @property
    def label(self) -> str:
        """The place as `s3://bucket/dir/`."""
        directory = self._storage.dir.strip("/")
        return f"s3://{self._storage.bucket}/{directory}/" if directory else self._bucket

    @property
    def _bucket(self) -> str:
        return f"s3://{self._storage.bucket}/"

    def holds(self, copy: Copy) -> bool:
        """Whether the copy lies in this bucket."""
        return copy.store is StoreKind.S3 and copy.bucket == self._storage.bucket

    async def list(self) -> tuple[Copy, ...]:
        """The objects below the configured directory."""
        return await (await self._store()).list()

    async def look_up(self, copy: Copy) -> Copy:
        """The object's size and time as they are now."""
        return await (await self._store()).look_up(copy)

    async def fetch(self, copy: Copy, target: Path, progress: BytesProgress | None = None) -> str:
        """Bring the object here; returns its sha256."""
        return await (await self._store()).fetch(copy, target, progress)

    async def put(
        self, file: Path, name: str, sha256: str, progress: BytesProgress | None = None
    ) -> Copy:
        """Upload the file under that name; nothing is overwritten. Raises StoreError."""
        return await (await self._store()).put(file, name, sha256, progress)

    async def remove(self, copy: Copy, keeping: Copy) -> None:
        """Delete one object while another one is there. Raises StoreError."""
        await (await self._store()).remove(copy, keeping)

    def linked(self, copy: Copy) -> LinkedObject:
        """The object as a node can fetch it by itself, by a link that is made when it is used."""

        async def make_link() -> str:
            return await (await self._store()).link(copy)

        return LinkedObject(
            one_line(copy.location), make_link, verify_tls=not self._storage.skip_tls_verify
        )

    async def read_in_place(
        self, copy: Copy, progress: BytesProgress | None = None
    ) -> ReadInPlace | None:
        """None: an object has to come here to be read."""
        return None

    async def _store(self) -> S3Store:
        async with self._finding:
            if self._found is None:
                from recovery.backups.s3_store import S3Store

                keys = await find_credentials(
                    profile=self._source.profile,
                    file=self._source.file,
                    endpoint=self._storage.endpoint,
                    read_secret=self._read_secret,
                    ask=self._ask,
                )
                self._found = S3Store(self._storage, keys)
            return self._found
