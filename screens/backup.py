"""The backup configuration as a form and as YAML, records and files, and what has drifted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from recovery.backups.backup_entries import BackupEntry, backup_entries
from recovery.backups.seen_configuration import SeenConfiguration, Source
from recovery.backups.spec_change import (
    edited,
    spec_yaml,
    wished,
)
from recovery.health.model import Check
from screens.backup_changing import back_up, set_up_s3, try_s3, write_change
from screens.backup_fields import BY_KEY, draw_field, shown_fields
from screens.backup_form import BackupForm
from screens.backup_lists import (
    drift_in_full,
    drift_lines,
    drift_text,
    entries_markdown,
    entry_heads,
    entry_row,
)
from screens.case import Case
from screens.dialogs.field import Asked, FieldsDialog
from screens.dialogs.reading import ReadingDialog
from screens.dialogs.yaml_text import YamlDialog
from screens.explained import BACKUP, Help
from screens.incident_screen import BESIDE, IncidentScreen
from screens.keys import KeysOf, common_keys
from screens.marks import HEADING, Mark, line, stacked
from screens.widgets.row_list import Row, RowList
from screens.wording import clipped, plural, sentence

_DRIFT_LINES = 3
_ABOVE_DRIFT = 18
"""Lines of the screen that title, headings, fields and keys take at most."""
_RECORD_LINES = 8
"""Lines that are left to records and files where they stand beneath."""


_key = KeysOf("backup")


class BackupScreen(IncidentScreen):
    """Nothing on it is written before the difference was shown and agreed to."""

    EXPLAINED: ClassVar[Help] = BACKUP
    title_words: ClassVar[str] = "Backup configuration"

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("enter", "change", "change", "Change this field"),
        _key("w", "write", "write", "Show the change, and write it"),
        _key("v", "yaml", "YAML", "See and edit it as YAML"),
        _key("s", "set_up", "set up S3", "Set S3 up, step by step"),
        _key("t", "try", "try S3", "Try the bucket with its keys"),
        _key("n", "now", "back up now", "Take a backup now"),
        _key("x", "drift", "problems", "What has drifted, in full"),
        _key("d", "drop", "drop", "Forget what is not written yet"),
        _key("tab", "other", "other list", "Between the fields and the records"),
        _key("a", "again", "again", "Read everything again"),
        *common_keys(back=("back", "Back; nothing is written")),
    ]

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.form = BackupForm()
        self._reading = True
        self._fields = RowList("backup-fields")
        self._entries = RowList("backup-entries")

    def compose_body(self) -> ComposeResult:
        """Form and drift; records and files beneath or beside."""
        with Container(id="backup-body"):
            with Vertical(id="backup-form"):
                yield Static("", id="backup-heading")
                yield self._fields
                yield Static("", id="backup-drift")
            with Vertical(id="backup-side"):
                yield Static("", id="backup-entries-heading")
                yield self._entries

    def on_mount(self) -> None:
        """Read it."""
        self._fields.focus()
        self.redraw()
        self.read()

    @work(group="read", exclusive=True, exit_on_error=False)
    async def read(self) -> None:
        """The configuration first; then the places, where nobody listed them yet."""
        self._reading = True
        self.redraw()
        try:
            self.take(await self.case.incident.backups.configuration())
            if self.case.incident.catalog is None:
                await self.case.incident.list_snapshots(lambda _catalog: self.redraw())
        finally:
            self._reading = False
            self.redraw()

    def take(self, seen: SeenConfiguration) -> None:
        """What was read; changes that are not written yet stay, made on top of it."""
        self.form.take(seen)
        self.redraw()

    def take_written(self, seen: SeenConfiguration) -> None:
        """What was written and read again: nothing is pending any more."""
        self.form.take_written(seen)
        self.say("Written.")
        self.redraw()

    @property
    def seen(self) -> SeenConfiguration | None:
        """What was read; None until then."""
        return self.form.seen

    @property
    def entries(self) -> tuple[BackupEntry, ...]:
        """Records and files, newest first."""
        catalog = self.case.incident.catalog
        if catalog is None or self.seen is None:
            return ()
        recorded = self.seen.source in (Source.CLUSTER, Source.LAST_SEEN)
        known = self.seen.source is not Source.NONE and self.seen.problem is None
        spec = self.seen.spec if known else None
        return backup_entries(catalog, spec, self.case.clock(), recorded=recorded)

    @property
    def checks(self) -> tuple[Check, ...]:
        """What has drifted."""
        catalog = self.case.incident.catalog
        if catalog is None or self.seen is None:
            return ()
        return self.case.incident.backups.drift(catalog, self.case.clock())

    @property
    def beside(self) -> bool:
        """Whether form and records stand side by side."""
        return self.app.size.width >= BESIDE

    def redraw(self) -> None:
        """All of it."""
        if not self.drawable:
            return
        width = self._fields.container_size.width or self.app.size.width
        self.query_one("#backup-heading", Static).update(self._heading(width))
        rows = [
            Row(field.key, draw_field(field, self.form.before, self.form.after, self.case.clock()))
            for field in shown_fields(self.form.after)
        ]
        self._fields.show_rows(rows if self.seen is not None else [])
        self.query_one("#backup-drift", Static).update(stacked(self._drift(width)))
        entries = self.entries
        count = f"  {len(entries)}" + (", reading" if self._reading else "")
        side = self._entries.container_size.width or self.app.size.width
        heading = line(" ", ("RECORDS AND FILES", HEADING), (count, "$muted"))
        self.query_one("#backup-entries-heading", Static).update(
            stacked([heading, entry_heads(side)])
        )
        self._entries.show_rows([Row(one.name, entry_row(self.case, one)) for one in entries])
        self.refresh_bindings()

    def _drift(self, width: int) -> list[Content]:
        """In full where there is room: beside the other list, it has the rest of the column."""
        room = self.app.size.height - _ABOVE_DRIFT
        if self.beside:
            return drift_in_full(self.checks, width, room)
        if room < _DRIFT_LINES + _RECORD_LINES:
            return drift_lines(self.checks, width, _DRIFT_LINES)
        return drift_in_full(self.checks, width, room - _RECORD_LINES)

    def _heading(self, width: int) -> Content:
        if self.seen is None:
            return line(" ", Mark.RUNNING.beside("Reading the backup configuration …"))
        rows = [
            line(" ", ("BACKUPS", HEADING), "  ", (clipped(self._origin(), width - 11), "$muted"))
        ]
        if self.seen.problem is not None:
            problem = self.seen.problem
            words = f"{problem.where}: {problem.what}"
            rows.append(line(" ", Mark.FAILED.beside(clipped(words, width - 4))))
        if self.form.changed:
            count = plural(len(self.form.changed), "change")
            words = f"{count} not written yet. w shows and writes, d drops."
            rows.append(line(" ", Mark.WARNING.beside(words)))
        return stacked(rows)

    def _origin(self) -> str:
        return self.form.origin(self.case.clock())

    def unavailable(self, action: str) -> str:
        """What the source of the configuration does not allow."""
        if action == "drift":
            return "" if self.checks else "The places have not been listed yet."
        return self.form.refusal(action)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_change(self) -> None:
        """A switch is turned over; anything else is typed."""
        field = BY_KEY.get(self._fields.key or "")
        if field is None or self.unavailable("change"):
            return
        if field.switch:
            self._hold(wished(self.form.after, field.turned(self.form.after)).after)
            return
        asked = Asked(field.key, field.label, field.value(self.form.after), field.hint)

        def wrong(answers: dict[str, str]) -> list[str]:
            change = self.form.wish(field, answers[field.key])
            return [f"{sentence(one.what)} {sentence(one.remedy)}" for one in change.problems]

        answers = await self.app.push_screen_wait(
            FieldsDialog(f"Change {field.label}", [asked], wrong)
        )
        if answers is not None:
            self._hold(self.form.wish(field, answers[field.key]).after)

    def _hold(self, after: Mapping[str, object]) -> None:
        self.form.hold(after)
        self.redraw()

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_yaml(self) -> None:
        """As text; taken into the form where nothing is wrong with it."""
        if self.unavailable("yaml"):
            return
        read_only = bool(self.unavailable("change"))
        dialog = YamlDialog(
            self._origin(), self.form.yaml, self.form.wrong_with, read_only=read_only
        )
        left = await self.app.push_screen_wait(dialog)
        if left.taken:
            self._hold(edited(self.form.before, left.text).after)
        elif left.text != spec_yaml(self.form.after):
            self.form.draft = left.text
            self.say("The text is kept: v shows it again, d drops it.")

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_write(self) -> None:
        """Show the difference, ask, write."""
        if self.seen is not None and not self.unavailable("write"):
            await write_change(self, self.seen, self.form.change)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_set_up(self) -> None:
        """Where, keys, trial, difference, backup."""
        if self.seen is not None and not self.unavailable("set_up"):
            await set_up_s3(self, self.seen)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_try(self) -> None:
        """With the very keys that backups use."""
        if not self.unavailable("try"):
            await try_s3(self, self.form.change)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_now(self) -> None:
        """Through the platform, or without it."""
        if self.seen is not None and not self.unavailable("now"):
            await back_up(self, self.seen)

    def action_drop(self) -> None:
        """What was read stands again."""
        self._hold(self.form.before)

    def action_drift(self) -> None:
        """In full."""
        if self.checks:
            self.app.push_screen(ReadingDialog("What has drifted", drift_text(self.checks)))

    def action_again(self) -> None:
        """Ask cluster and places anew."""
        self.case.incident.catalog = None
        self.read()

    def action_other(self) -> None:
        """From the one list to the other."""
        (self._entries if self._fields.has_focus else self._fields).focus()

    def on_resize(self) -> None:
        """Side by side where there is room for every column of the records."""
        self.set_class(self.beside, "-wide")
        self.call_after_refresh(self.redraw)

    def copy_text(self) -> str:
        """The spec as YAML, fit for the inventory's `backup` block."""
        return spec_yaml(self.form.after) if self.seen is not None else ""

    def export_text(self) -> tuple[str, str]:
        """Spec, drift and records."""
        if self.seen is None:
            return "", ""
        text = f"# Backups of {self.case.cluster_name}\n\n{sentence(self._origin())}\n\n"
        text += f"```yaml\n{spec_yaml(self.form.before)}```\n\n{drift_text(self.checks)}\n\n"
        return f"backups-{self.case.cluster_name}", text + entries_markdown(self.entries)
