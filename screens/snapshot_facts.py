"""What is known of one snapshot, as pairs of words and as Markdown."""

from __future__ import annotations

from textual.content import Content

from recovery.backups.model import Snapshot
from recovery.snapshots.model import FetchedSnapshot
from screens.case import Case
from screens.exporting import markdown_table
from screens.marks import MUTED, cell, line
from screens.wording import age, cut, hexed, moment, size, thousands

_UNKNOWN = "…"


def fact_pairs(
    case: Case, snapshot: Snapshot, fetched: FetchedSnapshot | None
) -> list[tuple[str, str]]:
    """Words and values, two to a line; dots stand where the file has not been read yet."""
    contents = fetched.verdict.contents if fetched else None
    taken = moment(snapshot.taken_at)
    if snapshot.taken_at is not None:
        taken += f" · {age(snapshot.taken_at, case.clock())} ago"
    pairs = [("taken", taken)]
    pairs.append(("revision", thousands(contents.revision) if contents else _UNKNOWN))
    pairs.append(("file", size(snapshot.size) if snapshot.copies else "none"))
    pairs.append(("objects", thousands(contents.live_keys) if contents else _UNKNOWN))
    pairs.append(("database", size(contents.database_size) if contents else _UNKNOWN))
    pairs.append(("etcd", contents.cluster_version or "not said" if contents else _UNKNOWN))
    members = ", ".join(member.name for member in contents.members) if contents else _UNKNOWN
    pairs.append(("members", members or "none"))
    alarms = ", ".join(contents.alarms) or "none" if contents else _UNKNOWN
    pairs.append(("alarms", alarms))
    pairs.append(("sha256", hexed(fetched.sha256, 5) if fetched else _UNKNOWN))
    record = snapshot.record.result if snapshot.record else "none"
    pairs.append(("record", record))
    return pairs


def pair_line(word: str, text: str, width: int) -> Content:
    """A muted word and its value, in so many cells."""
    return cell(line(cell(Content.styled(word, MUTED), 10), cut(text, width - 11)), width)


def snapshot_markdown(case: Case, snapshot: Snapshot, fetched: FetchedSnapshot | None) -> str:
    """The facts, the copies, and what is inside."""
    _, words = case.known(snapshot)
    text = f"# Snapshot {snapshot.name}\n\nCluster {case.cluster_name}, integrity: {words}.\n\n"
    text += markdown_table(
        ["", ""], [[word, f"{value}"] for word, value in _full(case, snapshot, fetched)]
    )
    text += "\n## Copies\n\n"
    text += "".join(f"- {copy.location}\n" for copy in snapshot.copies) or "none\n"
    contents = fetched.verdict.contents if fetched else None
    if contents is not None:
        for title, names in (
            ("Resources", contents.resources),
            ("Namespaces", contents.namespaces),
        ):
            rows = [[item.name, str(item.count), str(item.size)] for item in names]
            text += f"\n## {title}\n\n" + markdown_table(["name", "objects", "bytes"], rows)
    return text


def _full(case: Case, snapshot: Snapshot, fetched: FetchedSnapshot | None) -> list[tuple[str, str]]:
    pairs = fact_pairs(case, snapshot, fetched)
    return [
        (word, fetched.sha256 if fetched and word == "sha256" else text) for word, text in pairs
    ]
