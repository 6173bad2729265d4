"""Where else the bytes of a fetched snapshot lie, so that nodes need not get them from here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recovery.backups.cluster_stores import KeyedS3Store
from recovery.backups.model import Catalog, Copy, StoreKind
from recovery.backups.reference import resolve_reference
from recovery.backups.stores import Store
from recovery.errors import RescueError
from recovery.snapshots.model import FetchedSnapshot
from recovery.ssh.elsewhere import Elsewhere, LinkedObject


def elsewhere_of(
    fetched: FetchedSnapshot, catalog: Catalog | None, stores: Sequence[Store]
) -> Elsewhere:
    """The copies of the same stored size and name; connects to nothing.

    They are only likely to be the same bytes: whoever takes one compares the database's sha256.
    A member's own data is none of them: etcd may be writing to it.
    """
    on_nodes: dict[str, tuple[str, ...]] = {}
    linked: LinkedObject | None = None
    for copy in _copies(fetched, catalog):
        if copy.store is StoreKind.NODE and copy.node is not None:
            on_nodes[copy.node] = (*on_nodes.get(copy.node, ()), copy.path)
        elif copy.store is StoreKind.S3 and linked is None:
            linked = _linked(copy, stores)
    return Elsewhere(fetched.unpacked_from, on_nodes, linked)


def _copies(fetched: FetchedSnapshot, catalog: Catalog | None) -> Iterator[Copy]:
    for snapshot in catalog.snapshots if catalog is not None else ():
        for taken in snapshot.copies:
            if taken.location == fetched.location:
                yield from (each for each in snapshot.copies if each.size == taken.size)
                return
    try:
        named = resolve_reference(fetched.location, None)
    except RescueError:
        return
    if isinstance(named, Copy):
        yield named


def _linked(copy: Copy, stores: Sequence[Store]) -> LinkedObject | None:
    for store in stores:
        if isinstance(store, KeyedS3Store) and store.holds(copy):
            return store.linked(copy)
    return None
