"""Containers as `crictl ps -a -o json` lists them, and what makes the answer unusable."""

from __future__ import annotations

import json
from collections.abc import Iterator

from recovery.cluster.facts import Container


def read_containers(listing: str) -> tuple[Container, ...]:
    """The containers in the listing's order. ValueError, in words, where it is no listing.

    Field names: CRI API, runtime/v1 `Container`, as crictl prints it.
    """
    try:
        document = json.loads(listing)
    except ValueError as error:
        raise ValueError("crictl did not answer in JSON") from error
    listed = document.get("containers") if isinstance(document, dict) else None
    if listed is None and isinstance(document, dict):
        return ()
    if not isinstance(listed, list):
        raise ValueError("crictl's answer lists no containers")
    return tuple(_containers(listed))


def _containers(listed: list[object]) -> Iterator[Container]:
    for entry in listed:
        if not isinstance(entry, dict):
            continue
        metadata = entry.get("metadata")
        named = metadata if isinstance(metadata, dict) else {}
        attempt = named.get("attempt")
        yield Container(
            id=str(entry.get("id", "")),
            name=str(named.get("name", "")),
            state=str(entry.get("state", "")),
            attempt=attempt if isinstance(attempt, int) else 0,
            created_at=_seconds(entry.get("createdAt")),
        )


def _seconds(nanoseconds: object) -> float:
    text = str(nanoseconds)
    return int(text) / 1e9 if text.isdecimal() else 0.0
