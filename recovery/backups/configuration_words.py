"""The backup configuration in words, line by line: for the command line and the screen alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from recovery.backups.configuration import BackupSpec, S3Storage
from recovery.backups.configuration_json import next_times
from recovery.backups.outside_text import one_line
from recovery.backups.schedule import parse_schedule
from recovery.backups.seen_configuration import SeenConfiguration, Source
from recovery.errors import ConfigurationError

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def source_words(seen: SeenConfiguration) -> str:
    """Where it was read, and since when that is so."""
    if seen.source is Source.CLUSTER:
        return f"EtcdBackupConfiguration {seen.name}, read from the cluster"
    if seen.source is Source.LAST_SEEN and seen.seen_at is not None:
        when = f"{seen.seen_at:%Y-%m-%d %H:%M}"
        return (
            f"EtcdBackupConfiguration {seen.name}, as last seen {when} UTC: no API server answers"
        )
    if seen.source is Source.INVENTORY:
        return "the `backup` block of the inventory"
    return "no backup configuration is known"


def configuration_lines(seen: SeenConfiguration, now: datetime) -> Iterator[tuple[str, str]]:
    """Pairs of a word and what is to be said about it."""
    if seen.source is Source.NONE:
        return
    try:
        spec = seen.spec
    except ConfigurationError as error:
        yield "problem", f"{error.where}: {error.what}"
        cron = seen.raw.get("schedule")
        yield "schedule", one_line(cron if isinstance(cron, str) else "–", 60)
        return
    yield "schedule", schedule_words(spec.schedule)
    times = next_times(spec.schedule, now)
    if spec.paused:
        yield "paused", "yes: nothing is backed up until it is resumed"
    else:
        yield "paused", "no"
        if times:
            yield "next", ", ".join(f"{at:%Y-%m-%d %H:%M}" for at in times) + " UTC"
    yield from _local_lines(spec)
    yield from _s3_lines(spec.s3)


def schedule_words(cron: str) -> str:
    """`0 0 * * *, at 00:00 every day (UTC)`."""
    try:
        return f"{one_line(cron, 60)}, {parse_schedule(cron).words} (UTC)"
    except ConfigurationError as error:
        return f"{one_line(cron, 60)}: {error.what}"


def retention_words(seconds: int | None) -> str:
    """`90 days (7776000 s)`."""
    if seconds is None:
        return "for ever: no ttl is set"
    for unit, length in _UNITS:
        if seconds >= length and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}{'' if count == 1 else 's'} ({seconds} s)"
    return f"{seconds} s"


def _local_lines(spec: BackupSpec) -> Iterator[tuple[str, str]]:
    if spec.local is None:
        yield "on nodes", "nothing: no localStorage"
        return
    yield "on nodes", one_line(spec.local.path, 200)
    yield "kept", retention_words(spec.local.ttl_seconds)


def _s3_lines(s3: S3Storage | None) -> Iterator[tuple[str, str]]:
    if s3 is None:
        yield "S3", "none: backups lie on the control-plane nodes only"
        return
    yield "S3", one_line(s3.endpoint, 200) or "Amazon's own"
    region = f", region {one_line(s3.region, 60)}" if s3.region else ""
    directory = s3.dir.strip("/")
    yield "bucket", one_line(f"{s3.bucket}/{directory}".rstrip("/"), 200) + region
    if s3.endpoint.startswith("http://"):
        yield "TLS", "none: an http:// endpoint"
    else:
        yield "TLS", "not verified (skipTLSVerify)" if s3.skip_tls_verify else "verified"
    yield "keys", f"secret {one_line(s3.secret_ref, 100) or '–'} in cpaas-system"
