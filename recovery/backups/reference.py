"""REF: how a person names a snapshot. A name, the beginning of one, or a location."""

from __future__ import annotations

import difflib
import os
import posixpath
import re
from datetime import UTC, datetime
from pathlib import Path

from recovery.backups.local_store import describe_file
from recovery.backups.model import Catalog, Copy, Snapshot, StoreKind
from recovery.backups.naming import DATABASE_IN_DATA_DIR
from recovery.backups.outside_text import one_line
from recovery.errors import UsageError

LATEST = "latest"
"""The newest snapshot that verifies; see `recovery.backups.latest`."""

_SHOWN = 10
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


def _listed(snapshots: list[Snapshot], between: str) -> str:
    names = [one_line(snapshot.name) for snapshot in snapshots[:_SHOWN]]
    more = len(snapshots) - len(names)
    return between.join([*names, *([f"and {more} more"] if more else [])])
