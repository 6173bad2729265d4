"""`inspect`: what is in a snapshot."""

from __future__ import annotations

import argparse
import json

from recovery.backups.model import Integrity
from recovery.snapshots.model import CountedName, JudgedSnapshot, SnapshotContents
from tui.commands.common_arguments import REFERENCE
from tui.commands.opening import inspect_reference, open_incident
from tui.commands.tables import size, table

_SHOWN = 20


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "inspect",
        help="what is in a snapshot",
        description="Verify a snapshot and say what it holds: revision, members, alarms, resources "
        "and namespaces. A node with python3 reads its own copy where it lies; any other copy is "
        "fetched.",
    )
    parser.add_argument("reference", metavar="REF", help=REFERENCE)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print the contents."""
    from recovery.snapshots.contents_json import inspect_document

    async with open_incident(arguments) as incident:
        judged = await inspect_reference(incident, arguments.reference)
        if arguments.output == "json":
            print(json.dumps(inspect_document(incident.cluster.name, judged), indent=2))
        else:
            print(_text(judged))
    return 1 if judged.verdict.integrity is Integrity.CORRUPT else 0


def _text(judged: JudgedSnapshot) -> str:
    verdict, contents = judged.verdict, judged.verdict.contents
    reason = f": {verdict.reason}" if verdict.reason else ""
    lines = [
        f"name        {judged.name}",
        f"from        {judged.location}",
        f"integrity   {verdict.integrity.value}{reason}",
        f"sha256      {verdict.sha256}",
    ]
    if contents is None:
        return "\n".join(lines)
    lines += [
        f"revision    {contents.revision}",
        f"keys        {contents.keys} in all, {contents.live_keys} at the latest revision",
        f"database    {size(contents.database_size)}",
        f"etcd        {contents.cluster_version or 'not told'}",
        f"members     {', '.join(member.name for member in contents.members) or 'none'}",
        f"alarms      {', '.join(contents.alarms) or 'none'}",
        f"compacted   {contents.compacted_revision or 'never'}",
        f"leases      {contents.leases}",
        f"encrypted   {_encryption(contents)}",
        *(f"remark      {remark}" for remark in contents.remarks),
        "",
        _counted("RESOURCE", contents.resources),
        "",
        _counted("NAMESPACE", contents.namespaces),
    ]
    return "\n".join(lines)


def _encryption(contents: SnapshotContents) -> str:
    if not contents.encryption:
        return "nothing"
    keys = ", ".join(
        f"{key.count} values with {key.provider} key {key.key}" for key in contents.encryption
    )
    return f"{keys}: without that key the API server cannot read them"


def _counted(title: str, names: tuple[CountedName, ...]) -> str:
    rows = [(one.name, str(one.count), size(one.size)) for one in names[:_SHOWN]]
    if len(names) > _SHOWN:
        rows.append((f"… and {len(names) - _SHOWN} more", "", ""))
    return table((title, "OBJECTS", "BYTES"), rows)
