"""REF: how a person names a snapshot. A name, the beginning of one, or a location."""

from __future__ import annotations

import difflib
import os
import posixpath
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from recovery.backups.local_store import describe_file
from recovery.backups.model import Catalog, Copy, Integrity, Snapshot, StoreKind
from recovery.backups.naming import DATABASE_IN_DATA_DIR
from recovery.backups.newest_state import far_poorer
from recovery.backups.outside_text import one_line
from recovery.errors import DiskError, RescueError, SnapshotError, StoreError, UsageError
from recovery.snapshots.model import FetchedSnapshot, JudgedSnapshot

Looked = TypeVar("Looked", FetchedSnapshot, JudgedSnapshot)

LATEST = "latest"
"""The newest snapshot that verifies; see `newest_verified`."""

_SHOWN = 10
_COMPARED = 3
"""Older snapshots that are read at most, to compare one with."""
_ON_NODE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*):(/.*)", re.DOTALL)
_IN_S3 = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)
_UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)


def resolve_reference(reference: str, catalog: Catalog | None) -> Snapshot | Copy:
    """What the reference names: a snapshot of the catalog, or one copy by its location.

    A copy that the catalog does not know has size 0 until its store is asked. Raises UsageError
    for a name that fits nothing or several snapshots, for `latest` (the caller verifies), and for
    a location that is none; StoreError for a file of this machine that is not there.
    """
    if reference == LATEST:
        raise UsageError("`latest` is found by verifying, not by its name")
    copy = _location(reference)
    if copy is not None:
        return _as_listed(copy, catalog)
    if reference.startswith(("/", "./", "../", "~")):
        return _local(reference)
    named = _named(reference, catalog) if catalog is not None else []
    if len(named) == 1:
        return named[0]
    if named:
        raise UsageError(
            f"{one_line(reference)} fits {len(named)} snapshots",
            remedy="write more of the name",
            detail=_listed(named, "\n"),
        )
    if "/" in reference or is_file(reference):
        return _local(reference)
    raise _unknown(reference, catalog)


def is_file(text: str) -> bool:
    """Whether a file of this machine is called so, of a text that may be no path at all."""
    return os.path.isfile(text)  # noqa: PTH113 - Path.is_file raises for a name that is too long


async def newest_verified(
    catalog: Catalog,
    verify: Callable[[Snapshot], Awaitable[Looked]],
    on_passed_over: Callable[[Snapshot, str], None] | None = None,
) -> Looked:
    """What `latest` means: the newest backup whose trailing sha256 matches.

    `verify` fetches a snapshot, or judges it where it lies. `on_passed_over` hears each newer one
    that was not taken, and why. One that has only a handful of keys where an older one has
    thousands is not taken: etcd that had lost its data and begun anew is backed up like any other.
    Raises SnapshotError, with all of them in its detail, where none verifies.
    """
    passed_over: list[str] = []
    looked: dict[str, Looked] = {}

    async def look(snapshot: Snapshot) -> Looked:
        if snapshot.name not in looked:
            looked[snapshot.name] = await verify(snapshot)
        return looked[snapshot.name]

    backups = [snapshot for snapshot in catalog.snapshots if snapshot.member is None]
    for number, snapshot in enumerate(backups):
        why = snapshot.reason or "no copy was found"
        if snapshot.copies and snapshot.integrity is not Integrity.CORRUPT:
            try:
                fetched = await look(snapshot)
            except DiskError:
                raise
            except (SnapshotError, StoreError) as error:
                why = error.what
            else:
                richer = None
                if fetched.verdict.integrity is Integrity.VERIFIED:
                    richer = await _far_richer(fetched, snapshot, backups[number + 1 :], look)
                    if richer is None:
                        return fetched
                why = richer or fetched.verdict.reason or "it has no hash to verify it by"
        passed_over.append(f"{one_line(snapshot.name)}: {why}")
        if on_passed_over is not None:
            on_passed_over(snapshot, why)
    raise _none_verifies(catalog, passed_over)


async def _far_richer(
    found: Looked,
    snapshot: Snapshot,
    older: Sequence[Snapshot],
    look: Callable[[Snapshot], Awaitable[Looked]],
) -> str | None:
    """Why this one is taken for a new beginning, compared with the next older one that is larger.

    A new etcd writes a small file, so only a file of less than half the other's size is a reason
    to read the other.
    """
    contents = found.verdict.contents
    if contents is None:
        return None
    larger = [one for one in older if one.usable and one.size > 2 * snapshot.size]
    for other in larger[:_COMPARED]:
        try:
            judged = await look(other)
        except DiskError:
            raise
        except (SnapshotError, StoreError):
            continue
        theirs = judged.verdict.contents
        if judged.verdict.integrity is not Integrity.VERIFIED or theirs is None:
            continue
        if not far_poorer(contents.live_keys, theirs.live_keys):
            return None
        return (
            f"it has {contents.live_keys} keys, where {one_line(other.name)} has "
            f"{theirs.live_keys}: it may be of a cluster that had lost its data and begun anew; "
            "name it to take it all the same"
        )
    return None


def _location(reference: str) -> Copy | None:
    in_s3 = _IN_S3.fullmatch(reference)
    if in_s3 is not None:
        return Copy(StoreKind.S3, in_s3[2], 0, _UNKNOWN_TIME, bucket=in_s3[1])
    if reference.startswith("s3://"):
        raise UsageError(
            f"{one_line(reference)} is no object", remedy="write s3://bucket/directory/file"
        )
    on_node = _ON_NODE.fullmatch(reference)
    if on_node is not None:
        path = posixpath.normpath(on_node[2])
        own = path.endswith(DATABASE_IN_DATA_DIR)
        kind = StoreKind.MEMBER if own else StoreKind.NODE
        return Copy(kind, path, 0, _UNKNOWN_TIME, node=on_node[1])
    return None


def _as_listed(copy: Copy, catalog: Catalog | None) -> Copy:
    for snapshot in catalog.snapshots if catalog is not None else ():
        for listed in snapshot.copies:
            if listed.location == copy.location:
                return listed
    return copy


def _local(reference: str) -> Copy:
    try:
        path = Path(reference).expanduser()
    except RuntimeError as error:
        raise UsageError(str(error), where=one_line(reference)) from error
    return describe_file(path)


def _named(reference: str, catalog: Catalog) -> list[Snapshot]:
    exact = [snapshot for snapshot in catalog.snapshots if snapshot.name == reference]
    if exact or not reference:
        return exact
    return [snapshot for snapshot in catalog.snapshots if snapshot.name.startswith(reference)]


def _unknown(reference: str, catalog: Catalog | None) -> UsageError:
    what = f"there is no snapshot {one_line(reference) or 'without a name'}"
    if catalog is None:
        return UsageError(what, remedy="name a file, or a place: node:/path, s3://bucket/key")
    if catalog.errors:
        places = ", ".join(one_line(error.location) for error in catalog.errors)
        what += f" (these could not be listed: {places})"
    backups = [snapshot for snapshot in catalog.snapshots if snapshot.member is None]
    names = [snapshot.name for snapshot in catalog.snapshots]
    near = difflib.get_close_matches(reference, names, n=3, cutoff=0.5)
    listed = ""
    if near:
        remedy = f"is one of these meant: {', '.join(map(one_line, near))}"
    elif names:
        remedy = "etcd-rescue snapshots lists them"
        listed = _listed(backups or list(catalog.snapshots), "\n")
    else:
        remedy = "no snapshot was found at all; name a file, or a place: node:/path"
    return UsageError(what, remedy=remedy, detail=listed)


def _none_verifies(catalog: Catalog, passed_over: list[str]) -> RescueError:
    if not catalog.snapshots:
        what, remedy = "no snapshot was found", "name a file, or a place: node:/path"
        if catalog.errors:
            remedy = "make the places answer that could not be listed, or name a file"
    else:
        what = f"none of {len(catalog.snapshots)} snapshots verifies"
        remedy = "name one of them, or a file of another place"
    unlisted = (f"{one_line(error.location)}: {error.message}" for error in catalog.errors)
    return SnapshotError(what, remedy=remedy, detail="\n".join((*passed_over, *unlisted)))


def _listed(snapshots: list[Snapshot], between: str) -> str:
    names = [one_line(snapshot.name) for snapshot in snapshots[:_SHOWN]]
    more = len(snapshots) - len(names)
    return between.join([*names, *([f"and {more} more"] if more else [])])
