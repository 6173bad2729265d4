"""What is known of one snapshot, as pairs of words and as Markdown."""

from __future__ import annotations

from textual.content import Content

from recovery.backups.model import Snapshot
from recovery.rehearsal.trial.kept_trials import KeptTrial
from recovery.snapshots.model import JudgedSnapshot, SnapshotContents
from screens.case import Case
from screens.exporting import markdown_table
from screens.marks import MUTED, cell, line
from screens.trial_text import short_verdict
from screens.wording import age, cut, hexed, moment, plural, size, span, thousands

_UNKNOWN = "…"


def fact_pairs(
    case: Case, snapshot: Snapshot, judged: JudgedSnapshot | None
) -> list[tuple[str, str]]:
    """Words and values, two to a line; dots stand where the file has not been read yet."""
    contents = judged.verdict.contents if judged else None
    taken = moment(snapshot.written_at)
    if snapshot.written_at is not None:
        taken += f" · {age(snapshot.written_at, case.clock())} ago"
    pairs = [("taken" if snapshot.member is None else "written", taken)]
    revision = case.revision(snapshot)
    pairs.append(("revision", thousands(revision) if revision is not None else _UNKNOWN))
    pairs.append(("file", size(snapshot.size) if snapshot.copies else "none"))
    pairs.append(("objects", thousands(contents.live_keys) if contents else _UNKNOWN))
    pairs.append(("database", size(contents.database_size) if contents else _UNKNOWN))
    pairs.append(("etcd", contents.cluster_version or "not said" if contents else _UNKNOWN))
    members = ", ".join(member.name for member in contents.members) if contents else _UNKNOWN
    pairs.append(("members", members or "none"))
    alarms = ", ".join(contents.alarms) or "none" if contents else _UNKNOWN
    pairs.append(("alarms", alarms))
    pairs.append(("sha256", hexed(judged.verdict.sha256, 5) if judged else _UNKNOWN))
    record = snapshot.record.result if snapshot.record else "none"
    pairs.append(("record", record))
    trial = case.trial(snapshot)
    if trial is not None:
        pairs.append(("rehearsed", short_verdict(trial)[1]))
        if isinstance(trial, KeptTrial):
            when = f"{age(trial.ended_at, case.clock())} ago"
            pairs.append(("tried", f"{when}, with etcd {trial.etcd_version}"))
        else:
            pairs.append(("with etcd", f"{trial.etcd_version}, {span(trial.seconds)} in all"))
    if contents is not None and contents.encryption:
        pairs.append(("encrypted", encryption_words(contents)))
        pairs.append(("leases", thousands(contents.leases)))
    return pairs


def title_of(snapshot: Snapshot) -> str:
    """A backup's file name; of a member's own data, whose it is."""
    return snapshot.name if snapshot.member is None else f"{snapshot.member}'s own data"


def encryption_words(contents: SnapshotContents) -> str:
    """`2 207 values, aescbc key1`."""
    total = sum(key.count for key in contents.encryption)
    keys = ", ".join(f"{key.provider} {key.key}" for key in contents.encryption)
    return f"{plural(total, 'value')}, {keys}"


def pair_line(word: str, text: str, width: int) -> Content:
    """A muted word and its value, in so many cells."""
    return cell(line(cell(Content.styled(word, MUTED), 10), cut(text, width - 11)), width)


def snapshot_markdown(case: Case, snapshot: Snapshot, judged: JudgedSnapshot | None) -> str:
    """The facts, the copies, and what is inside."""
    _, words = case.known(snapshot)
    text = f"# Snapshot {snapshot.name}\n\nCluster {case.cluster_name}, integrity: {words}.\n\n"
    text += markdown_table(
        ["", ""], [[word, f"{value}"] for word, value in _full(case, snapshot, judged)]
    )
    text += "\n## Copies\n\n"
    text += "".join(f"- {copy.location}\n" for copy in snapshot.copies) or "none\n"
    contents = judged.verdict.contents if judged else None
    if contents is not None:
        for title, names in (
            ("Resources", contents.resources),
            ("Namespaces", contents.namespaces),
        ):
            rows = [[item.name, str(item.count), str(item.size)] for item in names]
            text += f"\n## {title}\n\n" + markdown_table(["name", "objects", "bytes"], rows)
    return text


def _full(case: Case, snapshot: Snapshot, judged: JudgedSnapshot | None) -> list[tuple[str, str]]:
    pairs = fact_pairs(case, snapshot, judged)
    return [
        (word, judged.verdict.sha256 if judged and word == "sha256" else text)
        for word, text in pairs
    ]
