"""From a command's arguments to the incident that it works on."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from recovery.backups.latest import newest_verified
from recovery.backups.model import Catalog, Copy, Snapshot
from recovery.backups.reference import is_file, resolve_reference
from recovery.backups.s3_keys import S3Keys
from recovery.incident import Incident, Looked, Progress
from recovery.inventory.load import load_inventory
from recovery.inventory.model import Cluster, Inventory
from recovery.inventory.search import find_inventory
from recovery.inventory.selection import select_cluster
from recovery.snapshots.model import FetchedSnapshot, JudgedSnapshot
from tui.commands.progress import ProgressLine
from tui.streams import warnings_on_stderr

LATEST = "latest"

_SELDOM = (20_000, 20, 20)
"""A command makes little garbage; to look for it as often as Python does by itself takes a tenth
of the command's time."""

FRESH_SECONDS = 30.0
"""What nodes have said is taken for true for so long; a slow download may outlast it."""


def read_inventory(arguments: argparse.Namespace) -> Inventory:
    """The inventory that the arguments, the environment or the usual places name."""
    explicit = Path(arguments.inventory) if arguments.inventory else None
    return load_inventory(find_inventory(explicit, os.environ))


def chosen_cluster(arguments: argparse.Namespace) -> Cluster:
    """The cluster that the arguments name, or the only one there is.

    From here on a command works on a cluster, so what the engine warns of is to be heard.
    """
    warnings_on_stderr()
    return select_cluster(read_inventory(arguments), arguments.cluster)


@asynccontextmanager
async def open_incident(arguments: argparse.Namespace) -> AsyncIterator[Incident]:
    """The incident of the chosen cluster; its sessions are closed at the end."""
    before = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        async with Incident(
            chosen_cluster(arguments),
            ask_s3_keys=ask_for_s3_keys,
            allow_node_count=getattr(arguments, "allow_node_count", None),
        ) as incident:
            yield incident
    finally:
        gc.set_threshold(*before)


async def fetch_reference(
    incident: Incident,
    reference: str,
    report: Callable[[Incident], None] | None = None,
) -> FetchedSnapshot:
    """The snapshot that REF names, fetched and verified; the latest good one for `latest`.

    `report` tells which places could not be listed; `report_errors` where none is given.
    """
    return await _looked_at(incident, reference, incident.verify, report or report_errors)


async def ready_reference(
    incident: Incident,
    reference: str,
    report: Callable[[Incident], None] | None = None,
) -> JudgedSnapshot:
    """The snapshot that REF names, judged for a restore; the latest good one for `latest`.

    It is fetched only where a node may need it from here. `report` as above.
    """
    return await _looked_at(incident, reference, incident.ready, report or report_errors)


async def inspect_reference(incident: Incident, reference: str) -> JudgedSnapshot:
    """The snapshot that REF names, judged and read where it lies if that can be done."""
    return await _looked_at(incident, reference, incident.inspect, report_errors)


async def _looked_at(
    incident: Incident,
    reference: str,
    look: Callable[[Snapshot | Copy, Progress], Awaitable[Looked]],
    report: Callable[[Incident], None],
) -> Looked:
    if reference == LATEST:
        await _listed(incident, report)
        catalog = await incident.with_identity()
        with ProgressLine() as progress:
            # A `report` of its own means that stderr is not for people.
            people = report is report_errors
            return await newest_verified(
                catalog,
                lambda one: look(one, progress.moved),
                _report_passed_over if people else _passed_over_as_json,
                identity=incident.identity,
                on_doubt=_report_doubt if people else _doubt_as_json,
            )
    chosen = await find_reference(incident, reference, report)
    with ProgressLine() as progress:
        return await look(chosen, progress.moved)


async def find_reference(
    incident: Incident,
    reference: str,
    report: Callable[[Incident], None] | None = None,
) -> Snapshot | Copy:
    """The snapshot or copy that REF names; a file on this machine needs no node."""
    if _is_local(reference):
        return resolve_reference(reference, None)
    return resolve_reference(reference, await _listed(incident, report or report_errors))


async def _listed(incident: Incident, report: Callable[[Incident], None]) -> Catalog:
    """The catalog, listed once however many references there are."""
    if incident.catalog is None:
        await incident.list_snapshots(records=False)
        report(incident)
    assert incident.catalog is not None
    return incident.catalog


def _report_passed_over(snapshot: Snapshot, why: str) -> None:
    """`latest` never takes an older backup in silence."""
    sys.stderr.write(f"etcd-rescue: passed over {snapshot.name}: {why}\n")


def _report_doubt(snapshot: Snapshot, why: str) -> None:
    sys.stderr.write(f"etcd-rescue: taken is {snapshot.name}: {why}\n")


def _passed_over_as_json(snapshot: Snapshot, why: str) -> None:
    from tui.commands.run_events import tell_json

    tell_json("passed-over", snapshot=snapshot.name, message=why)


def _doubt_as_json(snapshot: Snapshot, why: str) -> None:
    from tui.commands.run_events import tell_json

    tell_json("doubt", snapshot=snapshot.name, message=why)


def report_errors(incident: Incident) -> None:
    """Name on stderr every place that could not be listed."""
    for error in incident.catalog.errors if incident.catalog else ():
        remedy = f" → {error.remedy}" if error.remedy else ""
        sys.stderr.write(f"etcd-rescue: {error.location}: {error.message}{remedy}\n")


def ask_for_s3_keys(place: str) -> S3Keys | None:
    """Ask for S3 keys without echo; None where nobody sits at a terminal. Nothing is stored."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    import getpass

    sys.stderr.write(f"S3 keys for {place} (they are not stored; empty to go on without)\n")
    access = input("access key: ").strip()
    if not access:
        return None
    return S3Keys(access_key=access, secret_key=getpass.getpass("secret key: "))


def _is_local(reference: str) -> bool:
    return reference.startswith(("/", "./", "../", "~")) or (
        ":" not in reference and is_file(reference)
    )
