"""Snapshots as the catalog knows them: copies, records, integrity."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Integrity(enum.Enum):
    """What is known about a snapshot's contents."""

    VERIFIED = "verified"
    """The trailing sha256 matches and the structure is sound."""
    NO_HASH = "no-hash"
    """A copy of a member's own database: structure sound, nothing to compare it with."""
    UNVERIFIED = "unverified"
    """Not looked at yet."""
    CORRUPT = "corrupt"


class StoreKind(enum.Enum):
    """The kinds of place where a copy can lie."""

    NODE = "node"
    S3 = "s3"
    MEMBER = "member"
    """A member's own database in its data directory: no backup, and etcd may be writing to it."""
    BASTION = "bastion"
    """A file on this machine, named by a person; never listed by the catalog."""
    RECORDS = "records"
    """The records in the cluster itself. No copy lies there; only a `SourceError` names it."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One place where a snapshot lies. `size` is that of the stored file, in bytes."""

    store: StoreKind
    path: str
    """The file's absolute path on its node or here; the object's key in S3."""
    size: int
    modified_at: datetime
    node: str | None = None
    """The node's name, for what lies on a node."""
    bucket: str | None = None
    identity: str = ""
    """What tells this file from an earlier one of the same name, size and time: an inode and its
    change time, or an endpoint and an ETag. Empty where the store has not been asked."""
    in_use: bool = False
    """For MEMBER: whether an etcd has it open, so that only its API can give a consistent copy."""

    @property
    def location(self) -> str:
        """The copy as a REF of the command line: `node:/path`, `s3://bucket/key`, or a path."""
        if self.store in (StoreKind.NODE, StoreKind.MEMBER):
            return f"{self.node}:{self.path}"
        if self.store is StoreKind.S3:
            return f"s3://{self.bucket}/{self.path}"
        return self.path


@dataclass(frozen=True, slots=True)
class Record:
    """An entry of `status.records` of the EtcdBackupConfiguration."""

    file_name: str
    backup_timestamp: datetime | None
    result: str

    @property
    def succeeded(self) -> bool:
        """Whether the platform says that this backup succeeded."""
        return self.result == "Success"


@dataclass(frozen=True, slots=True)
class Traces:
    """What a snapshot's contents tell of the cluster that it was taken of. Names in lower case."""

    members: frozenset[str]
    addresses: frozenset[str]
    """The hosts of the members' peer URLs."""
    nodes: frozenset[str]
    authorities: frozenset[str]
    """Fingerprints (sha256, hex) of the CA that the cluster's clients trusted."""


@dataclass(frozen=True, slots=True)
class Strange:
    """Why a snapshot seems to be another cluster's, in words."""

    why: str
    certain: bool
    """Its contents leave no doubt. Otherwise the cluster may have changed since it was taken."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One backup, with every copy of it that was found. A record without a file has no copies.

    Or what a member still holds itself (`member`): no backup, but it may be the newest there is.
    """

    name: str
    taken_at: datetime | None
    copies: tuple[Copy, ...]
    record: Record | None = None
    integrity: Integrity = Integrity.UNVERIFIED
    reason: str | None = None
    """Why it cannot be used, in words; None where nothing speaks against it."""
    remark: str | None = None
    """What else a person should know, and what does not forbid its use: a copy cut short, say."""
    member: str | None = None
    """The name of the member whose own database this is; None for a backup."""
    revision: int | None = None
    """etcd's revision of it, as soon as somebody has read it."""
    live_keys: int | None = None
    """How many keys it has at that revision, as soon as somebody has read it whole."""
    traces: Traces | None = None
    """Whose it is by its contents, as soon as somebody has read it whole."""
    strange: Strange | None = None
    """Where it seems to be another cluster's: places may be shared."""
    ahead: bool = False
    """Whether its time has not come yet: a clock was wrong, or its name is in another zone."""

    @property
    def size(self) -> int:
        """The largest copy's size in bytes; 0 without a copy."""
        return max((copy.size for copy in self.copies), default=0)

    @property
    def written_at(self) -> datetime | None:
        """When it was taken; of a member's own database, when it was written to last."""
        if self.member is not None and self.copies:
            return self.copies[0].modified_at
        return self.taken_at

    @property
    def usable(self) -> bool:
        """Whether it may be offered for a restore."""
        foreign = self.strange is not None and self.strange.certain
        sound = self.reason is None and self.integrity is not Integrity.CORRUPT
        return sound and bool(self.copies) and not foreign

    @property
    def trouble(self) -> str | None:
        """Why it is not to be used, or whose it seems to be; None where nothing is known."""
        return self.reason or (self.strange.why if self.strange is not None else None)

    @property
    def note(self) -> str:
        """What a person should read beside it; empty where there is nothing."""
        ahead = "its time has not come yet: a clock was wrong" if self.ahead else None
        return "; ".join(filter(None, (self.trouble, ahead, self.remark)))


@dataclass(frozen=True, slots=True)
class SourceError:
    """A place that could not be listed; it never hides the others."""

    store: StoreKind
    location: str
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Catalog:
    """All snapshots, newest first, and the places that could not be listed."""

    snapshots: tuple[Snapshot, ...]
    errors: tuple[SourceError, ...] = ()
    places: int = 0
    """How many places were listed without error."""

    @property
    def unseen(self) -> bool:
        """Whether no place at all could be listed, so that nobody knows what exists."""
        return not self.places and bool(self.errors)
