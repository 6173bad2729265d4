"""A verdict as JSON and back, so that what was found out once need not be found out again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from recovery.backups.model import Integrity
from recovery.snapshots.model import (
    CountedName,
    EncryptionKey,
    SnapshotContents,
    SnapshotMember,
    Verdict,
)


def verdict_document(verdict: Verdict) -> dict[str, object]:
    """The verdict as a document of plain values."""
    document = dataclasses.asdict(verdict)
    document["integrity"] = verdict.integrity.value
    return document


def read_verdict(document: Mapping[str, Any]) -> Verdict:
    """The verdict that was written so. Raises ValueError for any other document."""
    try:
        contents = document["contents"]
        return Verdict(
            integrity=Integrity(document["integrity"]),
            reason=document["reason"],
            contents=None if contents is None else _contents(dict(contents)),
            sha256=document["sha256"],
            size=document["size"],
            revision=document["revision"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no verdict: {error}") from error


def _contents(contents: dict[str, Any]) -> SnapshotContents:
    contents["members"] = tuple(
        SnapshotMember(each["id"], each["name"], tuple(each["peer_urls"]))
        for each in contents["members"]
    )
    contents["encryption"] = tuple(EncryptionKey(**each) for each in contents["encryption"])
    for name in ("resources", "namespaces"):
        contents[name] = tuple(CountedName(**each) for each in contents[name])
    for name in ("alarms", "remarks", "nodes", "authorities"):
        contents[name] = tuple(contents[name])
    return SnapshotContents(**contents)
