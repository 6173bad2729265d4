"""The other buckets, and everything that the database tells, put together."""

import struct
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from recovery.snapshots.reader.file_format import (
    BRANCH,
    BUCKET_HEADER,
    LEAF,
    REVISION,
    REVISION_SIZES,
    Damage,
    Document,
    Entry,
    Meta,
)
from recovery.snapshots.reader.keyspace import Keyspace
from recovery.snapshots.reader.kubernetes import kubernetes
from recovery.snapshots.reader.pages import Tree
from recovery.snapshots.reader.protobuf import fields
from recovery.snapshots.reader.shown import shown

ALARMS = {1: "NOSPACE", 2: "CORRUPT"}
EXPECTED = (b"alarm", b"auth", b"cluster", b"lease", b"members", b"meta")
"""Buckets that every etcd makes when it starts."""


class Contents:
    """Everything that the database tells, collected bucket by bucket."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.total = 0
        self.keyspace = Keyspace(tree)
        self.buckets: Set[bytes] = set()
        self.found: Dict[str, Any] = {
            "clusterVersion": "",
            "storageVersion": "",
            "members": [],
            "alarms": [],
            "leases": 0,
            "authEnabled": False,
            "consistentIndex": 0,
            "term": 0,
            "compactedRevision": 0,
        }

    def read(self, meta: Meta, brief: bool, thorough: bool, on_pages: Callable[[], None]) -> None:
        """Read all buckets; `brief` only looks for the last revision of the keys."""
        collect: Dict[bytes, Callable[[Entry], None]] = {
            b"meta": self.on_meta,
            b"cluster": self.on_cluster,
            b"members": self.on_member,
            b"alarm": self.on_alarm,
            b"auth": self.on_auth,
            b"lease": self.on_lease,
        }
        key_bucket: Optional[Entry] = None
        for bucket in list(self.tree.entries(self.tree.leaves(meta.root, 0))):
            self.buckets.add(bucket.key)
            if bucket.key == b"key":
                key_bucket = bucket
                continue
            on_entry = collect.get(bucket.key, self.on_nothing)
            if brief and bucket.key == b"lease":
                continue
            for entry in self.tree.entries(self.tree.bucket(bucket)):
                if entry.is_bucket:
                    raise self.tree.damage(entry.page, "a bucket inside a bucket")
                self.total += 1
                try:
                    on_entry(entry)
                except (ValueError, RecursionError, struct.error):
                    raise self.tree.damage(
                        entry.page,
                        "%s in bucket %s is damaged" % (shown(entry.key), shown(bucket.key)),
                    ) from None
        if key_bucket is None:
            raise Damage("format", "no etcd database: it has no bucket of keys")
        if brief:
            self.keyspace.revision = last_revision(self.tree, key_bucket)
        else:
            leaves = self.tree.bucket(key_bucket, backwards=True)
            self.keyspace.scan(leaves, thorough, self.found["compactedRevision"], on_pages)
            self.tree.check_freelist(meta.freelist)
        self.found["members"].sort(key=lambda member: (member["name"], member["id"]))
        self.found["alarms"].sort(key=lambda alarm: (alarm["alarm"], alarm["member"]))

    def value(self, entry: Entry) -> bytes:
        """An entry's value."""
        return self.tree.data[entry.start : entry.start + entry.size]

    def on_nothing(self, entry: Entry) -> None:
        """Buckets that are only counted."""

    def on_meta(self, entry: Entry) -> None:
        """Where raft stood, and what has been compacted."""
        value = self.value(entry)
        if entry.key == b"consistent_index":
            self.found["consistentIndex"] = struct.unpack(">Q", value)[0]
        elif entry.key == b"term":
            self.found["term"] = struct.unpack(">Q", value)[0]
        elif entry.key == b"storageVersion":
            self.found["storageVersion"] = shown(value)
        elif entry.key in (b"finishedCompactRev", b"scheduledCompactRev"):
            revision = REVISION.unpack(value)[0]
            self.found["compactedRevision"] = max(self.found["compactedRevision"], revision)

    def on_cluster(self, entry: Entry) -> None:
        """The cluster's version."""
        if entry.key == b"clusterVersion":
            self.found["clusterVersion"] = shown(self.value(entry))

    def on_member(self, entry: Entry) -> None:
        """A member, which etcd stores as JSON under its id in hex."""
        import json  # Late, so that the hash is under way before.

        member = json.loads(self.value(entry).decode("utf-8"))
        if not isinstance(member, dict) or not isinstance(member.get("id"), int):
            raise ValueError("a member without an id")
        if member["id"] != int(entry.key, 16):
            raise ValueError("a member under another's id")
        self.found["members"].append(
            {
                "id": member["id"],
                "name": text_of(member.get("name")),
                "peerURLs": texts_of(member.get("peerURLs")),
                "clientURLs": texts_of(member.get("clientURLs")),
                "learner": member.get("isLearner") is True,
            }
        )

    def on_alarm(self, entry: Entry) -> None:
        """An alarm: an etcdserverpb.AlarmMember as the key."""
        alarm = fields(entry.key)
        member, kind = alarm.get(1, 0), alarm.get(2, 0)
        if not isinstance(member, int) or not isinstance(kind, int):
            raise ValueError("no alarm")
        self.found["alarms"].append({"member": member, "alarm": ALARMS.get(kind, str(kind))})

    def on_auth(self, entry: Entry) -> None:
        """Whether clients have to say who they are."""
        if entry.key == b"authEnabled":
            value = self.value(entry)
            if value not in (b"\x00", b"\x01"):
                raise ValueError("neither on nor off")
            self.found["authEnabled"] = value == b"\x01"

    def on_lease(self, entry: Entry) -> None:
        """A lease: an 8-byte id and a leasepb.Lease."""
        if len(entry.key) != 8:
            raise ValueError("no lease")
        fields(self.value(entry))
        self.found["leases"] += 1

    def document(self, brief: bool) -> Document:
        """Everything as it is printed."""
        keys = self.keyspace
        document = dict(self.found, revision=keys.revision)
        if not brief:
            document.update(kubernetes(keys.groups))
            document["keys"] = self.total + keys.entries
            document["liveKeys"] = keys.live
            document["leasedKeys"] = keys.leased
            document["nodes"] = sorted(map(shown, keys.nodes))
            document["authorities"] = keys.authorities
            document["encryption"] = [
                {"provider": name, "key": key, "count": count}
                for name, key, count in sorted(map(encryption_of, keys.encryption.items()))
            ]
        return document

    def remarks(self) -> List[str]:
        """What a person should know beside the contents."""
        remarks = ["it has no bucket %s" % shown(x) for x in EXPECTED if x not in self.buckets]
        missing = self.keyspace.missing
        if missing:
            count = sum(last - first + 1 for first, last in missing)
            remarks.append("%d revisions are missing, the latest is %d" % (count, missing[0][1]))
        return remarks


def encryption_of(counted: Tuple[Tuple[bytes, ...], int]) -> Tuple[str, str, int]:
    """Provider, key name, count; the provider with the format's version where it is not v1."""
    provider, version, key = map(shown, counted[0])
    return (provider if version == "v1" else provider + " " + version), key, counted[1]


def text_of(value: object) -> str:
    """Text out of somebody's JSON, without what a terminal would obey."""
    return shown(value.encode("utf-8", "backslashreplace")) if isinstance(value, str) else ""


def texts_of(value: object) -> List[str]:
    """Several texts."""
    return [text_of(each) for each in value] if isinstance(value, list) else []


def last_revision(tree: Tree, bucket: Entry) -> int:
    """The highest revision, by going down on the right only."""
    root = BUCKET_HEADER.unpack_from(tree.data, bucket.start)[0] if bucket.size >= 16 else 0
    if root and bucket.is_bucket:
        page, by = root, bucket.page
        flags = BRANCH
        while flags == BRANCH:
            tree.claim(page, by)
            flags, count, start, end = tree.open(page)
            if flags == BRANCH:
                if not count or start + 16 * count > end:
                    raise tree.damage(page, "a branch with %d elements" % count)
                by = page
                page = struct.unpack_from("<Q", tree.data, start + 16 * count - 8)[0]
        if flags != LEAF:
            raise tree.damage(page, "it is neither branch nor leaf (flags %#x)" % flags)
    else:
        page, start, count, end, _, _ = next(tree.bucket(bucket))
    last = 0
    for _, place, key_size, _ in tree.layout(page, start, count, end):
        if key_size not in REVISION_SIZES:
            raise tree.damage(page, "a revision of impossible size")
        last = REVISION.unpack_from(tree.data, place)[0]
    return last
