"""Places to put backups into, so that one test body runs over every store."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Protocol

from recovery.backups.s3_store import S3Store
from recovery.backups.stores import Store

NAME = "snapshot-etcd-20261122-000000-10.0.0.11.tar"
OLDER = "snapshot-etcd-20261121-000000-10.0.0.11.tar"
CONTENT = hashlib.sha256(b"seed").digest() * 90_000


class Place(Protocol):
    """A store, and a way to put files into it."""

    @property
    def store(self) -> Store:
        """The store under test."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Put a file there; the name may have directories."""
        ...


class NodePlace:
    """A directory that a session reaches."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.store = store
        self.directory = directory

    def put(self, name: str, content: bytes) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class S3Place:
    """A bucket on the test's server."""

    def __init__(self, store: S3Store) -> None:
        self.store: S3Store = store

    def put(self, name: str, content: bytes) -> None:
        put_object(self.store, f"{self.store.storage.dir}/{name}".lstrip("/"), content)


def put_object(store: S3Store, key: str, content: bytes) -> None:
    """Put an object into the store's bucket under any key."""
    backend().put_object(store.storage.bucket, key, content)


def backend() -> Any:
    """The server's own memory, for it runs in this process; no request, so it is quick."""
    from moto.s3.models import s3_backends

    return s3_backends["123456789012"]["aws"]
