"""What reading a snapshot file tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from recovery.backups.model import Integrity


@dataclass(frozen=True, slots=True)
class SnapshotMember:
    """A member as the snapshot's `members` bucket has it."""

    id: int
    name: str
    peer_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A key of the API server's encryption at rest that live values were written with."""

    provider: str
    """`aescbc`, `aesgcm`, `secretbox`, `kms`; with the format's version where it is not v1."""
    key: str
    """Its name in the API server's encryption configuration."""
    count: int


@dataclass(frozen=True, slots=True)
class CountedName:
    """A resource or a namespace, with its objects and the bytes of their values."""

    name: str
    count: int
    size: int


@dataclass(frozen=True, slots=True)
class SnapshotContents:
    """What is inside a database: everything `inspect` prints."""

    revision: int
    keys: int
    """Counted as `etcdutl snapshot status` of 3.5 does."""
    live_keys: int
    database_size: int
    """Bytes of the database proper, without the trailing hash."""
    cluster_version: str
    members: tuple[SnapshotMember, ...]
    alarms: tuple[str, ...]
    resources: tuple[CountedName, ...] = ()
    namespaces: tuple[CountedName, ...] = ()
    other_keys: int = 0
    """Live keys that are not Kubernetes'."""
    compacted_revision: int = 0
    """Revisions up to this one are gone; 0 where nothing was ever compacted."""
    consistent_index: int = 0
    """The raft index that the database had taken in."""
    term: int = 0
    """The raft term of that index; 0 before etcd 3.5."""
    leases: int = 0
    auth_enabled: bool = False
    nodes: tuple[str, ...] = ()
    """The names of Kubernetes' nodes."""
    authorities: tuple[str, ...] = ()
    """Fingerprints (sha256, hex) of the CA that Kubernetes' clients are told to trust; empty where
    no ConfigMap tells it, or it is encrypted."""
    encryption: tuple[EncryptionKey, ...] = ()
    """Without these keys the restored values cannot be read."""
    remarks: tuple[str, ...] = ()
    """What else a person should know, and what makes nothing unusable."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a file can be trusted, and why not."""

    integrity: Integrity
    reason: str | None
    """For CORRUPT: where (hash, structure, cut short at byte N of M). None otherwise."""
    contents: SnapshotContents | None
    """None where the file is corrupt beyond reading."""
    sha256: str = ""
    """Of the whole file as it was read, with its trailing hash; lower-case hex."""
    size: int = 0
    """Of the whole file, in bytes."""
    revision: int | None = None
    """etcd's revision; known also where a node without python3 could not tell the contents."""


@dataclass(frozen=True, slots=True)
class JudgedSnapshot:
    """What is known of a snapshot after one of its copies was read, here or where it lies."""

    name: str
    location: str
    """The copy that was read, as a REF."""
    verdict: Verdict
    unpacked_from: tuple[str, ...] = ()
    """The wrappings around the database, outermost first."""
    member: str | None = None
    """The name of the member whose own database it is; None for a backup."""
    database: Path | None = None
    """The unpacked file on this machine; None where it was read on its node."""

    @property
    def in_place(self) -> bool:
        """Whether it was read on its node, so that nothing of it is here."""
        return self.database is None


@dataclass(frozen=True, slots=True)
class FetchedSnapshot:
    """A snapshot on this machine, unpacked and verified."""

    name: str
    location: str
    """The copy it came from, as a REF."""
    database: Path
    """The unpacked database file (with its trailing hash, if it has one)."""
    sha256: str
    """Of the whole unpacked file, lower-case hex."""
    size: int
    """Of the whole unpacked file, in bytes."""
    verdict: Verdict
    unpacked_from: tuple[str, ...] = field(default=())
    """The wrappings taken off, outermost first: for example ("tar",) or ("gzip", "tar")."""
    member: str | None = None
    """The name of the member whose own database it is; None for a backup."""

    @property
    def judged(self) -> JudgedSnapshot:
        """What is known of it."""
        return JudgedSnapshot(
            self.name,
            self.location,
            self.verdict,
            self.unpacked_from,
            self.member,
            self.database,
        )
