"""The report as Markdown. Outside text is escaped, and fenced so that it cannot break out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from recovery.report import shown
from recovery.report.model import ActionReport, NodeLog, ProgramReport, Report, StepReport
from recovery.report.wording import clock, moment
from recovery.restore.circumstances import Circumstances

LOG_LINES = 400
"""Of a node's whole log; the file beside the report has the rest."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!])")


def report_markdown(report: Report) -> str:
    """The whole document."""
    parts = [
        f"# Incident report: cluster {plain(report.cluster)}\n",
        f"**{plain(report.summary.verdict)}.**\n",
        _table(("", ""), shown.facts_of(report)),
        *_summary(report),
        *_timeline(report),
        *_consents(report),
        *_programs(report),
        *_faults(report),
        *_ground(report),
        *_final(report),
        *_leftovers(report),
        *_kept(report),
        *_diffs(report),
        *_logs(report),
    ]
    return "\n".join(parts)


def plain(text: str) -> str:
    """Outside text on one line, none of it markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def for_reading(markdown: str) -> str:
    """The document without its escapes: for a pane that shows text as it is."""
    return re.sub(r"\\([\\`*_{}\[\]<>#|~!])", r"\1", markdown)


def code(text: str) -> str:
    """A code span, whatever is in the text."""
    text = " ".join(text.split())
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fenced(text: str, kind: str = "") -> str:
    """A code block, whatever is in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{text.rstrip()}\n{fence}\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(plain(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _bullets(sentences: Iterable[str]) -> str:
    return "".join(f"- {plain_with_code(words)}\n" for words in sentences)


def plain_with_code(words: str) -> str:
    """Our own sentences may hold commands between backticks; the rest is plain."""
    parts = words.split("`")
    if len(parts) % 2 == 0:
        return plain(words)
    shown_parts = (code(part) if odd % 2 else _spaced(part) for odd, part in enumerate(parts))
    return "".join(shown_parts)


def _spaced(part: str) -> str:
    """Plain, with the spaces towards its neighbours."""
    left = " " if part[:1].isspace() else ""
    right = " " if part[-1:].isspace() and part.strip() else ""
    return f"{left}{plain(part)}{right}"


def _summary(report: Report) -> Iterator[str]:
    yield "## Summary\n"
    for title, sentences in shown.summary_parts(report.summary):
        yield f"### {title}\n"
        yield _bullets(sentences)
    if report.unread:
        yield "### What of the record could not be read\n"
        yield _bullets(report.unread)


def _timeline(report: Report) -> Iterator[str]:
    yield "## Timeline\n"
    rows = [(moment(m.at), f"{'✖ ' if m.grave else ''}{m.words}") for m in report.timeline]
    yield _table(("UTC", "What"), rows)


def _consents(report: Report) -> Iterator[str]:
    yield "## Consents\n"
    asked = [consent for program in report.programs for consent in program.consents]
    if not asked:
        yield "No question was asked.\n"
    for consent in asked:
        answer = {True: "granted", False: "refused", None: "not answered"}[consent.granted]
        badge = f"{consent.risk.badge}: " if consent.risk else ""
        at = moment(consent.answered_at or consent.asked_at)
        yield f"### {badge}{plain(consent.title)}\n"
        yield f"**{answer}** by {plain(consent.by)} at {at}. The question said:\n"
        yield _bullets(f"{word}: {text}" for word, text in consent.shown)


def _programs(report: Report) -> Iterator[str]:
    yield "## What was done, step by step\n"
    for number, program in enumerate(report.programs, 1):
        yield from _program(number, program)


def _program(number: int, program: ProgramReport) -> Iterator[str]:
    yield (
        f"### Program {number}: {program.part.value} by {plain(program.operator)}, "
        f"{moment(program.started_at)}\n"
    )
    if program.ended_at is None:
        yield "Its end is not written down: it was killed, or it still runs.\n"
    for step in program.steps:
        yield from _step(step)
    if program.message:
        yield f"It ended at {moment(program.ended_at or '')} with these words:\n"
        yield f"> {plain(program.message)}\n"


def _step(step: StepReport) -> Iterator[str]:
    badge = f" ({step.risk.badge})" if step.risk else ""
    yield f"#### {plain(step.title)}{badge}\n"
    yield (
        f"{clock(step.started_at)}, {shown.outcome_words(step.outcome)}, "
        f"{shown.took(step.started_at, step.ended_at)}. {plain(step.purpose)}\n"
    )
    if step.nothing_to_do:
        yield "An earlier program had done all of it.\n"
        return
    for action in step.actions:
        yield from _action(action)


def _action(action: ActionReport) -> Iterator[str]:
    yield f"**{plain(action.title)}.** {plain(action.reason)}\n"
    yield _bullets(shown.try_words(one) for one in action.tries)
    for commands in action.commands:
        yield f"Commands for {plain(', '.join(commands.nodes))}:\n"
        yield fenced(commands.script, "sh")
    for one in action.tries:
        if one.output:
            yield f"Output of {plain(one.node)}{f', try {one.number}' if one.number > 1 else ''}:\n"
            yield fenced(shown.output_text(shown.cut_output(one.output)))


def _faults(report: Report) -> Iterator[str]:
    yield "## Faults and retries\n"
    if not report.faults:
        yield "None.\n"
        return
    yield _table(("UTC", "What"), [(moment(m.at), m.words) for m in report.faults])


def _ground(report: Report) -> Iterator[str]:
    before = report.before
    if before is None:
        return
    yield "## The snapshot and its proof\n"
    yield _table(("", ""), shown.proof_pairs(before.proof))
    rows = shown.loss_rows(before.loss)
    if rows:
        yield "## What was lost, counted\n"
        yield _table(("Of", "Created since", "Changed since", "Deleted since"), rows)
    if before.loss.keys:
        listed = "\n".join(f"{key.change.value:<8} {key.key}" for key in before.loss.keys)
        yield fenced(listed)
    commands = shown.compare_commands(report)
    if commands:
        yield "To see it object by object, from the data that was set aside:\n"
        yield fenced("\n".join(commands), "sh")
    yield from _before(before)


def _before(before: Circumstances) -> Iterator[str]:
    yield "## Before the run\n"
    yield f"{plain(before.diagnosis)}: {plain(before.sentence)} {plain(before.advice)}\n"
    rows = [(node.name, node.host, node.role, node.words) for node in before.nodes]
    yield _table(("Node", "Host", "Role", "Seen"), rows)
    if before.checks:
        yield "### Preflight\n"
        said = "were acknowledged" if before.acknowledged else "were not acknowledged one by one"
        yield f"Its warnings {said}.\n"
        checks = [(c.status.value, c.scope, c.name, c.message) for c in before.checks]
        yield _table(("Status", "Where", "Check", "Seen"), checks)


def _final(report: Report) -> Iterator[str]:
    yield "## Final checks\n"
    if report.final is None:
        yield "They were not reached.\n"
        return
    yield f"As of {moment(report.final.at)}.\n"
    yield _table(("Status", "Where", "Check", "Seen"), shown.final_rows(report.final))
    if report.final.members:
        yield _table(shown.MEMBER_HEADS, shown.member_rows(report.final))


def _leftovers(report: Report) -> Iterator[str]:
    if report.leftovers is None:
        return
    yield "## What the API remembers and reality does not have\n"
    yield f"Looked at {moment(report.leftovers.at)}. Nothing here was changed.\n"
    if not report.leftovers.found:
        yield "Nothing was found.\n"
    for found in report.leftovers.found:
        yield f"- {plain(found.what)}. {plain(found.meaning)}\n"
        yield fenced("\n".join(found.commands), "sh")
    yield _bullets(f"Not looked at: {words}" for words in report.leftovers.not_seen)


def _kept(report: Report) -> Iterator[str]:
    yield "## Where the old data lies\n"
    if report.cleaned:
        yield "It was cleaned up: what the run had kept on the nodes is deleted.\n"
    elif not report.kept:
        yield "Nothing was moved.\n"
    else:
        yield _table(("Node", "What", "Where"), [(k.node, k.what, k.path) for k in report.kept])


def _diffs(report: Report) -> Iterator[str]:
    for node, diff in shown.diffs(report):
        yield f"## Change to etcd.yaml on {plain(node)}\n"
        yield fenced(diff, "diff")


def _logs(report: Report) -> Iterator[str]:
    if report.logs:
        yield "## Full output\n"
        yield "`=` begins a try, `$` is a command, `!` its error output, `·` our own words.\n"
    for log in report.logs:
        yield from _log(log)


def _log(log: NodeLog) -> Iterator[str]:
    lines = log.text.splitlines()
    yield f"### {plain(log.node)}\n"
    if len(lines) > LOG_LINES:
        yield f"The last {LOG_LINES} of {len(lines)} lines; all of them are in {code(log.path)}.\n"
    else:
        yield f"From {code(log.path)}.\n"
    yield fenced("\n".join(lines[-LOG_LINES:]))
