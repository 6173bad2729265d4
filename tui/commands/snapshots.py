"""`snapshots`: the catalog."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from recovery.backups.model import Catalog, Snapshot, StoreKind
from tui.commands.opening import open_incident, report_errors
from tui.commands.tables import age, size, table


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "snapshots",
        help="the backups that exist, and where",
        description="List every backup on the control-plane nodes and in S3, newest first, with "
        "its record, and behind them what members still hold in their data directories. "
        "A place that cannot be listed is named on stderr and hides nothing.",
    )
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print the catalog; 1 where no place could be listed at all."""
    from recovery.backups.catalog_json import catalog_document

    async with open_incident(arguments) as incident:
        catalog = await incident.list_snapshots()
        if arguments.output == "json":
            print(json.dumps(catalog_document(incident.cluster.name, catalog), indent=2))
        else:
            report_errors(incident)
            print(_tables(catalog, datetime.now(UTC)))
    return 1 if catalog.errors and not catalog.places else 0


def _tables(catalog: Catalog, now: datetime) -> str:
    backups = [one for one in catalog.snapshots if one.member is None]
    own = [one for one in catalog.snapshots if one.member is not None]
    tables = [_backups(backups, now) if backups else "no snapshots"]
    return "\n\n".join([*tables, _own_data(own, now)] if own else tables)


def _backups(backups: Sequence[Snapshot], now: datetime) -> str:
    rows = [
        (
            snapshot.name,
            age(snapshot.taken_at, now),
            size(snapshot.size) if snapshot.copies else "–",
            _copies(snapshot),
            snapshot.record.result if snapshot.record else "–",
            snapshot.integrity.value,
            snapshot.note,
        )
        for snapshot in backups
    ]
    return table(("NAME", "AGE", "SIZE", "COPIES", "RECORD", "INTEGRITY", "REMARK"), rows)


def _own_data(own: Sequence[Snapshot], now: datetime) -> str:
    rows = [
        (
            snapshot.name,
            age(snapshot.written_at, now),
            size(snapshot.size),
            snapshot.integrity.value,
            snapshot.reason or snapshot.remark or "",
        )
        for snapshot in own
    ]
    return table(("MEMBERS' OWN DATA", "WRITTEN", "SIZE", "INTEGRITY", "REMARK"), rows)


def _copies(snapshot: Snapshot) -> str:
    places = [
        "S3" if copy.store is StoreKind.S3 else copy.node or "here" for copy in snapshot.copies
    ]
    return ",".join(places) or "–"
