"""Where else the bytes of a snapshot lie, so that nodes need not get them from here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from recovery.backups.cluster_stores import KeyedS3Store
from recovery.backups.model import Catalog, Copy, Snapshot, StoreKind
from recovery.backups.reference import resolve_reference
from recovery.backups.stores import Store
from recovery.errors import RescueError
from recovery.snapshots.model import JudgedSnapshot
from recovery.ssh.elsewhere import Elsewhere, LinkedObject


def elsewhere_of(
    judged: JudgedSnapshot, catalog: Catalog | None, stores: Sequence[Store]
) -> Elsewhere:
    """The copies of the same stored size and name; connects to nothing.

    They are only likely to be the same bytes: whoever takes one compares the database's sha256.
    A member's own data is none of them: etcd may be writing to it.
    """
    on_nodes: dict[str, tuple[str, ...]] = {}
    linked: LinkedObject | None = None
    for copy in _copies(judged, catalog):
        if copy.store is StoreKind.NODE and copy.node is not None:
            on_nodes[copy.node] = (*on_nodes.get(copy.node, ()), copy.path)
        elif copy.store is StoreKind.S3 and linked is None:
            linked = _linked(copy, stores)
    return Elsewhere(judged.unpacked_from, on_nodes, linked)


def listed_with(location: str, catalog: Catalog | None) -> Snapshot | None:
    """The snapshot that has a copy at that place, with all its other copies."""
    for snapshot in catalog.snapshots if catalog is not None else ():
        if any(copy.location == location for copy in snapshot.copies):
            return snapshot
    return None


def listed_as(name: str, catalog: Catalog | None) -> Snapshot | None:
    """The snapshot of that name, wherever it lies."""
    listed = catalog.snapshots if catalog is not None else ()
    return next((each for each in listed if each.name == name and each.copies), None)


def lies_on_all(names: Iterable[str], wanted: Snapshot | Copy, catalog: Catalog | None) -> bool:
    """Whether each of these nodes has a backup of its own that is likely to be the same bytes."""
    first = wanted if isinstance(wanted, Copy) else next(iter(wanted.copies), None)
    listed = listed_with(first.location, catalog) if first is not None else None
    if first is None or listed is None or first.store is not StoreKind.NODE:
        return False
    alike = (each for each in listed.copies if each.size == first.size)
    return {each.node for each in alike if each.store is StoreKind.NODE}.issuperset(names)


def _copies(judged: JudgedSnapshot, catalog: Catalog | None) -> Iterator[Copy]:
    listed = listed_with(judged.location, catalog)
    if listed is not None:
        sizes = {each.size for each in listed.copies if each.location == judged.location}
        yield from (each for each in listed.copies if each.size in sizes)
        return
    try:
        named = resolve_reference(judged.location, None)
    except RescueError:
        return
    if isinstance(named, Copy):
        yield named


def _linked(copy: Copy, stores: Sequence[Store]) -> LinkedObject | None:
    for store in stores:
        if isinstance(store, KeyedS3Store) and store.holds(copy):
            return store.linked(copy)
    return None
