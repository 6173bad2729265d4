"""Records joined with files as rows, and what has drifted as sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.content import Content

from recovery.backups.backup_entries import BackupEntry, Oddity
from recovery.health.model import Check, CheckStatus
from screens.case import Case
from screens.exporting import markdown_table
from screens.marks import OF_STATUS, Mark, cell, line
from screens.widgets.node_summary import copies_digits
from screens.wording import age, clipped, cut, folded, moment

_TAKEN, _AGE, _RECORD, _COPIES = 16, 6, 9, 8
_GRAVE = (CheckStatus.FAILED, CheckStatus.WARNING, CheckStatus.SKIPPED)


def entry_heads(width: int) -> Content:
    """The names of the columns."""
    heads = [
        cell("Taken (UTC)", _TAKEN),
        cell("Age", _AGE),
        cell("Record", _RECORD),
        cell("Copies", _COPIES),
        cell("Remark", max(6, width - 49)),
    ]
    return line("  ", Content.styled(Content("  ").join(heads).plain, "$muted"))


def entry_row(case: Case, entry: BackupEntry) -> Callable[[int], Content]:
    """One backup, for any width."""

    def draw(width: int) -> Content:
        held = dict.fromkeys(entry.nodes, True)
        room = max(6, width - 50)
        if entry.oddities:
            words = ", ".join(oddity.value for oddity in entry.oddities)
            grave = {Oddity.FAILED, Oddity.NO_FILE} & set(entry.oddities)
            mark = Mark.FAILED if grave else Mark.WARNING
            remark = mark.say(clipped(words, room - 2))
        else:
            remark = Content.styled(cut(entry.name, room), "$muted") if room > 24 else Content("")
        cells = [
            cell(moment(entry.taken_at) if entry.taken_at else cut(entry.name, _TAKEN), _TAKEN),
            cell(age(entry.taken_at, case.clock()), _AGE),
            cell(cut(entry.result, _RECORD) or "–", _RECORD),
            cell(copies_digits(case, held, entry.in_s3, has_s3=True), _COPIES),
            cell(remark, room),
        ]
        return line(" ", Content("  ").join(cells))

    return draw


def drift_lines(checks: Sequence[Check], width: int, most: int) -> list[Content]:
    """The worst first, one line each; or that nothing has drifted."""
    told = [check for status in _GRAVE for check in checks if check.status is status]
    if not told:
        good = "The newest backups are where they should be." if checks else ""
        return [line(" ", Mark.OK.beside(good))] if good else []
    lines = []
    for check in told[:most]:
        where = "" if check.scope == "cluster" else f"{check.scope} "
        words = f"{check.name}: {where}{check.message}"
        lines.append(line(" ", OF_STATUS[check.status].beside(clipped(words, width - 4))))
    if len(told) > most:
        left = f"   {len(told) - most} more: x"
        lines[-1] = line(cell(lines[-1], width - len(left) - 1), (left, "$muted"))
    return lines


def drift_in_full(checks: Sequence[Check], width: int, room: int) -> list[Content]:
    """The worst first, each whole and with what to do next, where there is room for all of them;
    as `drift_lines` has them where there is not."""
    told = [check for status in _GRAVE for check in checks if check.status is status]
    lines = []
    for check in told:
        where = "" if check.scope == "cluster" else f"{check.scope} "
        first, *rest = folded(f"{check.name}: {where}{check.message}", width - 4)
        lines.append(line(" ", OF_STATUS[check.status].beside(first)))
        lines += [line("   ", each) for each in rest]
        lines += [
            line("   ", (each, "$muted"))
            for each in (folded(f"→ {check.remedy}", width - 4) if check.remedy else ())
        ]
    return lines if told and len(lines) <= room else drift_lines(checks, width, max(1, room))


def drift_text(checks: Sequence[Check]) -> str:
    """All of them, with what they mean."""
    parts = []
    for check in checks:
        text = f"{check.status.value}  {check.name}, {check.scope}: {check.message}"
        text += f"\n  {check.meaning}" if check.meaning else ""
        text += f"\n  Next: {check.remedy}" if check.remedy else ""
        parts.append(text)
    return "\n\n".join(parts)


def entries_markdown(entries: Sequence[BackupEntry]) -> str:
    """Records and files as a Markdown table."""
    rows = [
        [
            moment(entry.taken_at),
            entry.name,
            entry.result or "–",
            ", ".join([*sorted(entry.nodes), *(["S3"] if entry.in_s3 else [])]) or "none",
            ", ".join(oddity.value for oddity in entry.oddities),
        ]
        for entry in entries
    ]
    return markdown_table(["Taken (UTC)", "Name", "Record", "Copies", "Remark"], rows)
