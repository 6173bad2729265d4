"""Who deletes old backups: this program only where it is known that nobody else does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from recovery.backups.clearing_right import ClearingRight, clearing_right
from recovery.backups.configuration import BackupSpec, LocalStorage
from recovery.backups.seen_configuration import SeenConfiguration, Source, from_spec

SPEC = BackupSpec(local=LocalStorage("/cpaas/backup", 7_776_000))
ABSENT = from_spec(SPEC, "the cluster has no EtcdBackupConfiguration")
AT = datetime(2026, 11, 22, tzinfo=UTC)


def test_where_an_api_server_says_that_there_is_no_platform_the_ttl_holds() -> None:
    assert clearing_right(SPEC, ABSENT) == ClearingRight(7_776_000)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (SeenConfiguration(Source.CLUSTER, {}), "the platform does that"),
        (SeenConfiguration(Source.LAST_SEEN, {}, seen_at=AT), "no API server says"),
        (replace(ABSENT, unanswered=True), "no API server says"),
        (SeenConfiguration(Source.NONE, {}, unanswered=True), "no API server says"),
    ],
)
def test_where_the_platform_deletes_or_nobody_knows_nothing_goes_and_that_is_told(
    seen: SeenConfiguration, why: str
) -> None:
    found = clearing_right(SPEC, seen)
    assert found.ttl_seconds is None
    assert why in found.why_not


@pytest.mark.parametrize("spec", [None, BackupSpec(), BackupSpec(local=LocalStorage())])
def test_without_a_ttl_there_is_nothing_to_tell(spec: BackupSpec | None) -> None:
    assert clearing_right(spec, SeenConfiguration(Source.CLUSTER, {})) == ClearingRight()
