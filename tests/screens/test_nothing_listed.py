"""That nothing was found is said only where somebody could look."""

from __future__ import annotations

import pytest

from recovery.backups.model import Catalog, SourceError, StoreKind
from screens.catalog_heading import emptiness
from screens.cluster_rows import newest_backup
from tests.screens.opening import case_of, opened

REFUSED = SourceError(StoreKind.NODE, "etcd-1:/cpaas/backup", "connection refused")


@pytest.mark.parametrize(
    ("catalog", "row", "table"),
    [
        (Catalog((), (REFUSED,), 0), "no place could be listed", "Nobody knows which snapshots"),
        (Catalog((), (REFUSED,), 1), "no backup found", "No snapshot was found"),
        (Catalog((), (), 2), "no backup found", "No snapshot was found"),
    ],
)
async def test_nothing_found_is_told_from_nothing_seen(
    catalog: Catalog, row: str, table: str
) -> None:
    async with opened() as pilot:
        case = case_of(pilot)
        case.incident.catalog = catalog
        assert row in newest_backup(case, listing=False).plain
        assert table in emptiness(case, wanted="", listing=False).plain
