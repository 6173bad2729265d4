"""What both forms of the report show alike: facts in pairs, outputs cut to size, rows of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recovery.report.model import Report, Summary, TryReport
from recovery.report.wording import lasted, moment, seconds_between, size, thousands
from recovery.restore.circumstances import Loss, Proof
from recovery.restore.node_log import LogLine
from recovery.restore.record_facts import FinalChecks
from recovery.restore.runbook import manifest_diff

HEAD_LINES, TAIL_LINES = 15, 25
"""Of one output; what lies between is in the node's log."""

_OUTCOMES = {
    "done": "done",
    "already-done": "done before",
    "failed": "failed",
    "skipped": "left out",
    "refused": "refused",
    "aborted": "stopped",
    "short": "done, some nodes left for later",
    "": "not known",
}
_NO_HASH = "It had no hash of its own: a copy of a member's database, read through and found whole."


@dataclass(frozen=True, slots=True)
class CutOutput:
    """An output's beginning and end, and how many lines were left out between them."""

    head: tuple[LogLine, ...]
    left_out: int
    tail: tuple[LogLine, ...]


def cut_output(lines: tuple[LogLine, ...]) -> CutOutput:
    """Both ends of a long output; a short one whole."""
    if len(lines) <= HEAD_LINES + TAIL_LINES:
        return CutOutput(lines, 0, ())
    left_out = len(lines) - HEAD_LINES - TAIL_LINES
    return CutOutput(lines[:HEAD_LINES], left_out, lines[-TAIL_LINES:])


def output_text(cut: CutOutput) -> str:
    """As it is printed: what was cut is said in its place."""
    lines = [_line(line) for line in cut.head]
    if cut.left_out:
        lines.append(f"… {thousands(cut.left_out)} lines are left out here; the log has them …")
    return "\n".join([*lines, *(_line(line) for line in cut.tail)])


def outcome_words(outcome: str) -> str:
    """An outcome of the journal for a person."""
    return _OUTCOMES.get(outcome, outcome)


def took(started_at: str, ended_at: str | None) -> str:
    """How long it took; a dash where its end is not written down."""
    return lasted(seconds_between(started_at, ended_at)) if ended_at else "–"


def try_words(one: TryReport) -> str:
    """`etcd-1: done in 2.1 s`, with what went wrong."""
    nth = f", try {one.number}" if one.number > 1 else ""
    when = f" in {took(one.started_at, one.ended_at)}" if one.ended_at else ""
    status = f" (status {one.exit_status})" if one.exit_status else ""
    why = f": {one.message}" if one.message else ""
    return f"{one.node}{nth}: {outcome_words(one.outcome)}{when}{status}{why}"


def facts_of(report: Report) -> list[tuple[str, str]]:
    """The head of the report in pairs."""
    source = report.source
    pairs = [
        ("Cluster", report.cluster),
        ("Run", f"{report.run_id}, {report.state.value}{', cleaned up' if report.cleaned else ''}"),
        ("Who, from where", ", ".join(report.operators)),
        ("Nodes", ", ".join(report.nodes)),
    ]
    reasons = [program.reason for program in report.programs if program.reason]
    if reasons:
        pairs.append(("Why", "; ".join(reasons)))
    if source is not None:
        pairs.append(("Snapshot", f"{source.name}, revision {thousands(source.revision)}"))
        pairs.append(("Read from", source.location))
    if report.total_seconds is not None:
        pairs.append(("Total time", lasted(report.total_seconds)))
    for outage in report.outages:
        down = lasted(outage.seconds) if outage.seconds is not None else "not seen to end"
        pairs.append(("API down", down))
    if not report.outages:
        pairs.append(("API down", "not by this run"))
    pairs.append(("Record", report.directory))
    pairs.append(("Written", moment(report.written_at)))
    return pairs


def summary_parts(summary: Summary) -> list[tuple[str, tuple[str, ...]]]:
    """The first page's parts that say something."""
    parts = [
        ("What happened", summary.happened),
        ("What was done", summary.done),
        ("What was lost", summary.lost),
        ("How it was proven", summary.proven),
        ("How long it took", summary.times),
        ("What is left to do", summary.left),
    ]
    return [(title, words) for title, words in parts if words]


def proof_pairs(proof: Proof) -> list[tuple[str, str]]:
    """The snapshot and why it was trusted."""
    hashed = "The hash that etcd wrote at its end was computed again and is the same."
    pairs = [
        ("Name", proof.name),
        ("Read from", proof.location),
        ("Integrity", f"{proof.integrity}. {hashed if proof.has_hash else _NO_HASH}"),
        ("sha256 of the database", proof.sha256),
        ("Size", size(proof.size)),
        ("Revision", thousands(proof.revision)),
        ("Keys in it", thousands(proof.live_keys)),
        ("etcd", proof.cluster_version),
        ("Members in it", ", ".join(proof.members)),
        ("Alarms in it", ", ".join(proof.alarms) or "none"),
    ]
    if proof.member is not None:
        pairs.insert(1, ("Origin", f"{proof.member}'s own database, no backup"))
    if proof.unpacked_from:
        pairs.append(("Unpacked from", ", ".join(proof.unpacked_from)))
    pairs += [("Remark", remark) for remark in proof.remarks]
    return [(name, text) for name, text in pairs if text]


def loss_rows(loss: Loss) -> list[tuple[str, str, str, str]]:
    """Kind, created, changed, deleted: by resource, then by namespace."""
    rows = [
        (counted.name, *(thousands(n) for n in (counted.added, counted.changed, counted.removed)))
        for counted in (*loss.by_resource[:20], *loss.by_namespace[:20])
    ]
    return [(name, added, changed, removed) for name, added, changed, removed in rows]


def final_rows(final: FinalChecks) -> list[tuple[str, str, str, str]]:
    """Status, where, check, what was seen."""
    return [(c.status.value, c.scope, c.name, c.message) for c in final.checks]


def member_rows(final: FinalChecks) -> list[tuple[str, ...]]:
    """The members' figures, as the health screen has them."""
    return [
        (
            member.name,
            member.version,
            "leader" if member.leader else "learner" if member.learner else "follower",
            thousands(member.revision),
            str(member.raft_term),
            "–" if member.hash is None else f"{member.hash:08x}",
        )
        for member in final.members
    ]


MEMBER_HEADS = ("Member", "etcd", "Role", "Revision", "Term", "HashKV")


def diffs(report: Report) -> Sequence[tuple[str, str]]:
    """The changes to etcd.yaml by node, where there are any."""
    pairs = [(edit.node, manifest_diff(edit)) for edit in report.manifest_edits]
    return [(node, text) for node, text in pairs if text.strip()]


def compare_commands(report: Report) -> list[str]:
    """How to see, object by object, what was lost: the old data against the snapshot."""
    if report.source is None:
        return []
    aside = (kept for kept in report.kept if kept.path.endswith("/aside"))
    return [
        f"etcd-rescue diff {report.source.name} {kept.node}:{kept.path}/member/snap/db"
        for kept in aside
    ]


def _line(line: LogLine) -> str:
    return f"{line.at} {line.sign} {line.text}" if line.at else line.text
