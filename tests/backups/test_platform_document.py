"""`backup now -o json` where the platform takes the backup."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from recovery.backups.model import Copy, Record, StoreKind
from recovery.backups.platform_backup import PlatformBackup, platform_document

NAME = "snapshot-etcd-20261122-120000-10.0.0.11.tar"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
RECORD = Record(NAME, NOON, "Success")
OBJECT = Copy(StoreKind.S3, f"prod-a/{NAME}", 4096, NOON, bucket="etcd")


def test_a_backup_by_the_platform_is_named_and_located_as_one_of_our_own() -> None:
    document = platform_document("prod-a", PlatformBackup("done", RECORD, True, OBJECT))
    assert document["succeeded"] is True
    assert (document["cluster"], document["by"]) == ("prod-a", "platform")
    assert (document["name"], document["takenAt"]) == (NAME, "2026-11-22T12:00:00Z")
    assert document["copies"] == [
        {"store": "s3", "location": f"s3://etcd/prod-a/{NAME}", "size": 4096}
    ]


@pytest.mark.parametrize("record", [None, Record(NAME, None, "Failed")])
def test_what_did_not_come_about_is_empty_and_said_in_words(record: Record | None) -> None:
    document = platform_document("prod-a", PlatformBackup("refused", record, True))
    assert document["succeeded"] is False
    assert document["name"] == (NAME if record else None)
    assert (document["takenAt"], document["copies"]) == (None, [])
    assert document["answer"] == "refused"
