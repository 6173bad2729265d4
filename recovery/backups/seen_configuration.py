"""A cluster's backup configuration as it was found: where, when, and how sure one may be of it."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from recovery.backups.configuration import BackupSpec, parse_spec
from recovery.backups.model import Record
from recovery.backups.outside_text import one_line
from recovery.backups.records import parse_records
from recovery.errors import ConfigurationError


class Source(enum.Enum):
    """Where a configuration was read."""

    CLUSTER = "cluster"
    """From an API server, just now."""
    LAST_SEEN = "last seen"
    """Kept on this machine since an API server answered last."""
    INVENTORY = "inventory"
    """The `backup` block: the cluster has no such resource, or never told."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SeenConfiguration:
    """The configuration; `raw` is its spec as it stands, with what is not understood here."""

    source: Source
    raw: Mapping[str, object]
    records: tuple[Record, ...] = ()
    seen_at: datetime | None = None
    name: str = ""
    """Of the resource; empty where there is none."""
    resource_version: str = ""
    trouble: str = ""
    """Why no API server told it now, in words; empty where one did."""
    unanswered: bool = False
    """Whether nobody could be asked now and nothing was seen before: there may be a platform."""

    @property
    def spec(self) -> BackupSpec:
        """Raises ConfigurationError, `where` naming the field, where the spec cannot be meant."""
        return parse_spec(self.raw)

    @property
    def problem(self) -> ConfigurationError | None:
        """What is wrong with the spec as it stands, if anything is."""
        try:
            parse_spec(self.raw)
        except ConfigurationError as error:
            return error
        return None


def from_resource(
    resource: Mapping[str, object], source: Source, seen_at: datetime, trouble: str = ""
) -> SeenConfiguration:
    """What a resource (JSON of the API server) says; odd fields are kept, and mean nothing."""
    metadata, status = _mapping(resource.get("metadata")), _mapping(resource.get("status"))
    return SeenConfiguration(
        source,
        _mapping(resource.get("spec")),
        parse_records(status.get("records")),
        seen_at,
        name=one_line(metadata.get("name", ""), 253),
        resource_version=one_line(metadata.get("resourceVersion", ""), 64),
        trouble=trouble,
    )


def from_json(text: bytes, source: Source, seen_at: datetime, trouble: str) -> SeenConfiguration:
    """The same from JSON text; an unreadable one is an empty configuration of no source."""
    try:
        document = json.loads(text)
    except ValueError:
        return SeenConfiguration(Source.NONE, {}, trouble=trouble)
    return from_resource(_mapping(document), source, seen_at, trouble)


def from_spec(spec: BackupSpec, trouble: str = "") -> SeenConfiguration:
    """The inventory's `backup` block as a configuration."""
    return SeenConfiguration(Source.INVENTORY, raw_spec(spec), trouble=trouble)


def raw_spec(spec: BackupSpec) -> dict[str, object]:
    """The spec as the resource would have it."""
    raw: dict[str, object] = {"schedule": spec.schedule, "paused": spec.paused}
    if spec.local is not None:
        local: dict[str, object] = {"path": spec.local.path}
        if spec.local.ttl_seconds is not None:
            local["ttl"] = str(spec.local.ttl_seconds)
        raw["localStorage"] = local
    if spec.s3 is not None:
        s3: dict[str, object] = {"endpoint": spec.s3.endpoint, "bucket": spec.s3.bucket}
        s3 |= {"region": spec.s3.region, "dir": spec.s3.dir}
        s3 |= {"skipTLSVerify": spec.s3.skip_tls_verify, "secretRef": spec.s3.secret_ref}
        raw["remoteStorage"] = {"s3": s3}
    return raw


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
