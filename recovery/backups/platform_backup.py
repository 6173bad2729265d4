"""A backup by the platform, on demand: triggered, awaited, and looked for where it should lie."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recovery.backups.backup_result import copy_entry
from recovery.backups.model import Copy, Record
from recovery.backups.outside_text import one_line
from recovery.backups.platform_troubles import Trouble, known_trouble
from recovery.backups.records import write_time
from recovery.backups.seen_configuration import SeenConfiguration, Source
from recovery.errors import KubernetesError, RescueError

if TYPE_CHECKING:
    from recovery.backups.configuration import S3Storage
    from recovery.backups.platform import Platform
    from recovery.backups.s3_keys import S3Keys

OnStage = Callable[[str], None]
"""Hears what happens now, in a few words."""

_RECORD_SECONDS = 180.0
_REFUSED_SECONDS = 3.0
"""A failure may be recorded a moment after it was answered."""
_OBJECT_SECONDS = 60.0
_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class PlatformBackup:
    """What came of it."""

    answer: str
    """What the `exec` subresource said."""
    record: Record | None
    """The new record; None where none appeared in time."""
    wanted_in_s3: bool
    object: Copy | None = None
    """What was seen in the bucket."""
    object_trouble: str = ""
    """Why it was not."""

    @property
    def succeeded(self) -> bool:
        """Whether the record says so, and the object was seen where a bucket is configured."""
        recorded = self.record is not None and self.record.succeeded
        return recorded and (self.object is not None or not self.wanted_in_s3)

    @property
    def trouble(self) -> Trouble | None:
        """The known trouble that stands behind a failure, if it is one."""
        if self.succeeded:
            return None
        said = self.record.result if self.record is not None else ""
        return known_trouble(f"{said} {self.answer} {self.object_trouble}")

    def in_words(self) -> tuple[tuple[str, str], ...]:
        """What came of it, as pairs of a word and what is to be said about it."""
        pairs = [("answer", self.answer)] if not self.succeeded else []
        if self.record is not None:
            pairs.append(("record", f"{self.record.file_name}: {self.record.result}"))
        else:
            pairs.append(("record", "none has appeared"))
        if self.object is not None:
            pairs.append(("object", f"{self.object.location}, {self.object.size} bytes"))
        elif self.object_trouble:
            pairs.append(("object", self.object_trouble))
        trouble = self.trouble
        if trouble is not None:
            pairs += [("trouble", f"{trouble.name}: {trouble.meaning}"), ("next", trouble.remedy)]
        return tuple(pair for pair in pairs if pair[1])


def platform_document(cluster: str, done: PlatformBackup) -> dict[str, object]:
    """What came of it as JSON: what is known as facts, then all of it in words."""
    record = done.record
    taken_at = record.backup_timestamp if record is not None else None
    return {
        "cluster": cluster,
        "by": "platform",
        "succeeded": done.succeeded,
        "name": record.file_name if record is not None else None,
        "takenAt": write_time(taken_at) if taken_at is not None else None,
        "copies": [copy_entry(done.object)] if done.object is not None else [],
        **dict(done.in_words()),
    }


async def take_by_platform(
    platform: Platform,
    seen: SeenConfiguration,
    configuration: Callable[[], Awaitable[SeenConfiguration]],
    keys_for: Callable[[S3Storage], Awaitable[S3Keys]],
    on_stage: OnStage | None,
) -> PlatformBackup:
    """Trigger one, wait for its record, then for its object in the bucket.

    `configuration` gives what the cluster has by then, its records with it.

    What the platform refuses is its answer and no exception; only who cannot be asked raises.
    """

    def stage(words: str) -> None:
        if on_stage is not None:
            on_stage(words)

    before = {record.file_name for record in seen.records}
    stage("the platform takes a backup")
    seconds = _RECORD_SECONDS
    try:
        answer = await platform.trigger(seen.name)
    except KubernetesError as error:
        if "Error from server" not in error.detail:
            raise
        answer, seconds = one_line(error.detail, 600), _REFUSED_SECONDS
    stage("waiting for its record")
    record = await _new_record(configuration, before, seconds)
    s3 = None if seen.problem is not None else seen.spec.s3
    if record is None or not record.succeeded or s3 is None:
        return PlatformBackup(answer, record, s3 is not None)
    stage("looking for it in the bucket")
    try:
        found = await _object(s3, keys_for, record.file_name)
    except RescueError as error:
        return PlatformBackup(answer, record, True, object_trouble=f"{error.what} {error.detail}")
    return PlatformBackup(
        answer, record, True, found, "" if found else "it has not come to the bucket"
    )


async def _new_record(
    configuration: Callable[[], Awaitable[SeenConfiguration]], before: set[str], seconds: float
) -> Record | None:
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        now = await configuration()
        if now.source is Source.CLUSTER:
            new = [record for record in now.records if record.file_name not in before]
            if new:
                return new[-1]
        if asyncio.get_running_loop().time() > deadline:
            return None
        await asyncio.sleep(_PAUSE)


async def _object(
    storage: S3Storage, keys_for: Callable[[S3Storage], Awaitable[S3Keys]], name: str
) -> Copy | None:
    from recovery.backups.s3_store import S3Store

    store = S3Store(storage, await keys_for(storage))
    deadline = asyncio.get_running_loop().time() + _OBJECT_SECONDS
    while True:
        listed = await store.list()
        found = next((copy for copy in listed if copy.path.endswith(name)), None)
        if found is not None or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(_PAUSE)
