"""The catalog as rows: columns, order, filter, and the same as Markdown."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable

from textual.content import Content

from recovery.backups.model import Catalog, Integrity, Snapshot, StoreKind
from recovery.backups.same_backup import by_backup
from screens.case import Case
from screens.exporting import markdown_table
from screens.loss_words import own_data_note
from screens.marks import Mark, cell, line
from screens.widgets.node_summary import copies_digits
from screens.wording import age, clipped, cut, moment, size

_TAKEN, _AGE, _SIZE, _RECORD = 16, 7, 8, 8
_GAP = "  "


class Order(enum.Enum):
    """How the table is sorted."""

    NEWEST = "time"
    LARGEST = "size"
    SOUNDEST = "integrity"

    @property
    def next(self) -> Order:
        """The one after this."""
        orders = list(Order)
        return orders[(orders.index(self) + 1) % len(orders)]


def order_of(
    case: Case, snapshots: Iterable[Snapshot], order: Order, wanted: str
) -> list[Snapshot]:
    """The snapshots that contain the wanted text, in that order; the catalog's is newest first.

    What members hold themselves comes before the backups while the cluster has no quorum, and is
    nothing that anybody would restore while it has one. Of a backup of which each node wrote a
    file of its own, one file stands for all, unless a text is wanted.
    """
    alive = case.incident.diagnosis.state.has_quorum
    shown = [item for item in snapshots if _contains(case, item, wanted.casefold())]
    own = [item for item in shown if item.member is not None and not alive]
    backups = [item for item in shown if item.member is None]
    if not wanted:
        backups = [files[0] for files in by_backup(backups)]
    shown = [*own, *backups]
    if order is Order.LARGEST:
        return sorted(shown, key=lambda item: -item.size)
    if order is Order.SOUNDEST:
        ranks = list(Integrity)
        return sorted(shown, key=lambda item: (not item.usable, ranks.index(case.integrity(item))))
    return shown


def column_heads(width: int, has_s3: bool) -> Content:
    """The names of the columns, where their contents stand."""
    copies = _copies_width(has_s3)
    heads = [
        cell("Taken (UTC)", _TAKEN),
        cell("Age", _AGE),
        cell("Size", _SIZE, right=True),
        cell("Copies", copies),
        cell("Record", _RECORD),
        cell("Integrity", _rest(width, copies)),
    ]
    text = Content(_GAP).join(heads)
    return line(" ", Content.styled(text.plain, "$muted"))


def row_of(case: Case, snapshot: Snapshot, has_s3: bool) -> Callable[[int], Content]:
    """The snapshot's row, for any width."""

    def draw(width: int) -> Content:
        mark, words = case.known(snapshot)
        files = (snapshot, *case.siblings(snapshot))
        copies = [copy for file in files for copy in file.copies]
        held = {copy.node: True for copy in copies if copy.node is not None}
        in_s3 = any(copy.store is StoreKind.S3 for copy in copies)
        copies_width = _copies_width(has_s3)
        rest = _rest(width, copies_width)
        integrity = mark.say(words)
        if rest > 40:
            notes = snapshot.trouble or _note(case, snapshot)
            room = rest - 18
            said = (clipped(notes, room), "") if notes else (cut(snapshot.name, room), "$muted")
            integrity = line(cell(integrity, 16), said)
        cells = [
            cell(_first_words(snapshot), _TAKEN),
            cell("ahead" if snapshot.ahead else age(snapshot.written_at, case.clock()), _AGE),
            cell(size(snapshot.size) if snapshot.copies else "–", _SIZE, right=True),
            cell(copies_digits(case, held, in_s3, has_s3=has_s3), copies_width),
            cell(cut(snapshot.record.result, _RECORD) if snapshot.record else "–", _RECORD),
            cell(integrity, rest),
        ]
        text = line(" ", Content(_GAP).join(cells))
        usable = snapshot.usable and mark is not Mark.FAILED
        return text if usable else text.stylize_before("$muted")

    return draw


def _first_words(snapshot: Snapshot) -> str:
    if snapshot.member is not None:
        return f"{cut(snapshot.member, _TAKEN - 7)}'s data"
    return moment(snapshot.taken_at) if snapshot.taken_at else cut(snapshot.name, _TAKEN)


def _note(case: Case, snapshot: Snapshot) -> str:
    own = own_data_note(case, snapshot) if snapshot.member is not None else ""
    return own or snapshot.note


def catalog_markdown(case: Case, catalog: Catalog) -> str:
    """The catalog as a Markdown table, with what could not be listed."""
    rows = []
    for item in catalog.snapshots:
        _, words = case.known(item)
        rows.append(
            [
                moment(item.written_at),
                item.name,
                size(item.size),
                ", ".join(copy.location for copy in item.copies) or "none",
                item.record.result if item.record else "–",
                f"{words}{f': {item.trouble}' if item.trouble else ''}",
            ]
        )
    heads = ["Taken (UTC)", "Name", "Size", "Copies", "Record", "Integrity"]
    text = f"# Snapshots of {case.cluster_name}\n\nAs of {case.clock():%Y-%m-%d %H:%M}Z.\n\n"
    text += markdown_table(heads, rows)
    for error in catalog.errors:
        text += f"\n- not listed: {error.location}: {error.message}"
    return text


def _copies_width(has_s3: bool) -> int:
    return 8 if has_s3 else 7


def _rest(width: int, copies: int) -> int:
    fixed = _TAKEN + _AGE + _SIZE + copies + _RECORD + 5 * len(_GAP) + 1
    return max(10, width - fixed)


def _contains(case: Case, item: Snapshot, wanted: str) -> bool:
    if not wanted:
        return True
    words = [item.name, moment(item.taken_at), case.known(item)[1], item.reason or ""]
    words += [copy.location for copy in item.copies]
    return any(wanted in word.casefold() for word in words)
