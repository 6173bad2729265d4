"""What may stand in the spec of an EtcdBackupConfiguration, and whether it does.

Pure. Every problem is told, each with its field; nothing is corrected in silence.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from recovery.backups.configuration import MOST_DIGITS
from recovery.backups.outside_text import is_plain_name, one_line
from recovery.backups.schedule import parse_schedule
from recovery.errors import ConfigurationError

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "spec": ("schedule", "paused", "localStorage", "remoteStorage"),
    "spec.localStorage": ("path", "ttl"),
    "spec.remoteStorage": ("s3",),
    "spec.remoteStorage.s3": (
        "endpoint",
        "region",
        "bucket",
        "dir",
        "skipTLSVerify",
        "secretRef",
    ),
}
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SECRET = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_REGION = re.compile(r"[A-Za-z0-9-]{1,63}")
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def spec_problems(spec: Mapping[str, object]) -> tuple[ConfigurationError, ...]:
    """Everything that is wrong with the spec, in the order of its fields."""
    return tuple(_problems(spec))


def unknown_fields(
    spec: Mapping[str, object], before: Mapping[str, object]
) -> tuple[ConfigurationError, ...]:
    """Fields that are new in the spec and that the platform's document does not have.

    The API server drops such a field in silence, and a mistyped one would change nothing.
    """
    return tuple(_unknown(spec, before, "spec"))


def _problems(spec: Mapping[str, object]) -> Iterator[ConfigurationError]:
    schedule = spec.get("schedule")
    if not isinstance(schedule, str):
        yield _wrong("spec.schedule", schedule, "a cron string", "0 0 * * *")
    else:
        try:
            parse_schedule(schedule)
        except ConfigurationError as error:
            yield error
    if not isinstance(spec.get("paused", False), bool):
        yield _wrong("spec.paused", spec["paused"], "true or false", "false")
    for name in ("localStorage", "remoteStorage"):
        if spec.get(name) is not None and not isinstance(spec[name], Mapping):
            yield _wrong(f"spec.{name}", spec[name], "an object", "")
    local = spec.get("localStorage")
    if isinstance(local, Mapping):
        yield from _local_problems(local, schedule)
    remote = spec.get("remoteStorage")
    s3 = remote.get("s3") if isinstance(remote, Mapping) else None
    if isinstance(s3, Mapping):
        yield from _s3_problems(s3)
    elif s3 is not None:
        yield _wrong("spec.remoteStorage.s3", s3, "an object", "")
    if not isinstance(local, Mapping) and not isinstance(s3, Mapping):
        yield ConfigurationError(
            "backups would be written nowhere: there is neither a directory nor a bucket",
            where="spec",
            remedy="give localStorage.path, or set up S3",
        )


def _local_problems(local: Mapping[str, object], schedule: object) -> Iterator[ConfigurationError]:
    path = local.get("path")
    if not isinstance(path, str) or not _is_directory(path):
        yield _wrong("spec.localStorage.path", path, "an absolute path", "/cpaas/backup")
    ttl = local.get("ttl")
    if ttl is None or ttl == "":
        return
    digits = isinstance(ttl, str) and ttl.isascii() and ttl.isdigit() and len(ttl) <= MOST_DIGITS
    if not isinstance(ttl, str) or not digits or int(ttl) == 0:
        yield _wrong("spec.localStorage.ttl", ttl, "a number of seconds as text", "7776000")
        return
    try:
        interval = parse_schedule(str(schedule)).interval(_SOME_DAY)
    except ConfigurationError:
        return
    if int(ttl) < 2 * interval.total_seconds():
        yield ConfigurationError(
            f"files would be deleted after {ttl} s, before two later backups exist",
            where="spec.localStorage.ttl",
            remedy=f"keep them for {2 * int(interval.total_seconds())} s at least",
        )


def _s3_problems(s3: Mapping[str, object]) -> Iterator[ConfigurationError]:
    where = "spec.remoteStorage.s3"
    endpoint = s3.get("endpoint")
    if not isinstance(endpoint, str) or not _is_url(endpoint):
        yield _wrong(f"{where}.endpoint", endpoint, "a URL", "https://s3.example.com")
    bucket = s3.get("bucket")
    if not isinstance(bucket, str) or not _is_bucket(bucket):
        wanted = "a bucket's name (3 to 63 small letters, digits, dots and dashes)"
        yield _wrong(f"{where}.bucket", bucket, wanted, "etcd-backups")
    region = s3.get("region", "")
    if region and (not isinstance(region, str) or not _REGION.fullmatch(region)):
        yield _wrong(f"{where}.region", region, "a region's name", "us-east-1")
    directory = s3.get("dir", "")
    if directory and (not isinstance(directory, str) or not _is_prefix(directory)):
        yield _wrong(f"{where}.dir", directory, "a directory in the bucket", "prod-a")
    if not isinstance(s3.get("skipTLSVerify", False), bool):
        yield _wrong(f"{where}.skipTLSVerify", s3["skipTLSVerify"], "true or false", "false")
    secret = s3.get("secretRef")
    name = secret.get("name") if isinstance(secret, Mapping) else secret
    if not isinstance(name, str) or not _SECRET.fullmatch(name):
        wanted = "the name of a secret in cpaas-system"
        yield _wrong(f"{where}.secretRef", name, wanted, "etcd-backup-s3-secret")


def _is_directory(path: str) -> bool:
    parts = path.split("/")
    plain = path.startswith("/") and is_plain_name(path) and path == path.strip()
    return plain and ".." not in parts and bool(path.strip("/"))


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    named = parts.scheme in ("http", "https") and bool(parts.hostname)
    bare = not (parts.username or parts.password or parts.query or parts.fragment)
    return named and bare and is_plain_name(text) and " " not in text and port != 0


def _is_bucket(name: str) -> bool:
    if not _BUCKET.fullmatch(name) or ".." in name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return True
    return False


def _is_prefix(directory: str) -> bool:
    parts = directory.strip("/").split("/")
    return is_plain_name(directory) and not {"", ".", ".."} & set(parts) and len(directory) < 900


def _unknown(
    spec: Mapping[str, object], before: Mapping[str, object], where: str
) -> Iterator[ConfigurationError]:
    known = _FIELDS.get(where)
    if known is None:
        return
    for name, value in spec.items():
        earlier = before.get(name)
        if name not in known and name not in before:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
            yield ConfigurationError(
                f"the platform knows no field {one_line(name, 40)} there",
                where=where,
                remedy=f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}",
            )
        if isinstance(value, Mapping):
            inner = earlier if isinstance(earlier, Mapping) else {}
            yield from _unknown(value, inner, f"{where}.{name}")


def _wrong(where: str, value: object, wanted: str, example: str) -> ConfigurationError:
    shown = "nothing" if value is None or value == "" else f"“{one_line(value, 40)}”"
    return ConfigurationError(
        f"{shown} stands where {wanted} is wanted",
        where=where,
        remedy=f"for example {example}" if example else f"give {wanted}",
    )
