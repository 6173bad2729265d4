"""`backup show`: the configuration, every record joined with the files, and what has drifted."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from recovery.backups.backup_entries import BackupEntry, backup_entries
from recovery.health.model import Check, CheckStatus
from recovery.incident import Incident
from tui.commands.opening import open_incident, report_errors
from tui.commands.tables import age, table


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "show",
        help="the configuration, records and files, and what has drifted",
        description="Show the backup configuration with its next times, every record joined with "
        "the files that really exist, and what is not as it should be: a record without a file, a "
        "file without a record, a failure, an overdue backup, files past their retention. Without "
        "an API server: the configuration as it was last seen.",
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print it; 1 where no configuration is known."""
    from recovery.backups.configuration_json import configuration_document
    from recovery.backups.seen_configuration import Source

    async with open_incident(arguments) as incident:
        seen = await incident.backups.configuration()
        catalog = await incident.list_snapshots()
        now = datetime.now(UTC)
        spec = None if seen.problem is not None or seen.source is Source.NONE else seen.spec
        recorded = seen.source in (Source.CLUSTER, Source.LAST_SEEN)
        entries = backup_entries(catalog, spec, now, recorded=recorded)
        checks = incident.backups.drift(catalog, now)
        if arguments.output == "json":
            name = incident.cluster.name
            document = configuration_document(name, seen, entries, checks, now)
            print(json.dumps(document, indent=2))
        else:
            report_errors(incident)
            _print_text(incident, entries, checks, now)
    return 1 if seen.source is Source.NONE else 0


def _print_text(
    incident: Incident, entries: Sequence[BackupEntry], checks: Sequence[Check], now: datetime
) -> None:
    from recovery.backups.configuration_words import configuration_lines, source_words

    seen = incident.backups.seen
    assert seen is not None
    print(f"{incident.cluster.name}: {source_words(seen)}")
    for word, text in configuration_lines(seen, now):
        print(f"  {word:<10}{text}")
    if entries:
        print()
        print(_entries(entries, now))
    told = [check for check in checks if check.status is not CheckStatus.OK]
    if told:
        print()
    for check in told:
        print(f"{check.status.value}: {check.name}, {check.scope}: {check.message}")
        if check.remedy:
            print(f"  → {check.remedy}")


def _entries(entries: Sequence[BackupEntry], now: datetime) -> str:
    rows = [
        (
            f"{entry.taken_at:%Y-%m-%d %H:%M}" if entry.taken_at else "–",
            age(entry.taken_at, now),
            entry.result or "–",
            ",".join([*sorted(entry.nodes), *(["S3"] if entry.in_s3 else [])]) or "–",
            ", ".join(oddity.value for oddity in entry.oddities),
            entry.name,
        )
        for entry in entries
    ]
    return table(("TAKEN (UTC)", "AGE", "RECORD", "COPIES", "REMARK", "NAME"), rows)
