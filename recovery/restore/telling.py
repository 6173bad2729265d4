"""Where a run says what it does: its journal, its logs, and whoever listens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from recovery.restore.events import Event, Output, Stream
from recovery.restore.journal import JournalEntry, JournalEvent
from recovery.restore.redaction import Redactor, without_secrets
from recovery.restore.run_record import RunRecord

logger = logging.getLogger(__name__)


class Telling:
    """Writes the journal first, then tells the listener."""

    def __init__(
        self,
        record: RunRecord,
        listener: Callable[[Event], None],
        written: Callable[[], None] = lambda: None,
    ) -> None:
        self.record = record
        self._listener = listener
        self._written = written
        self._redactors: dict[str, Redactor] = {}

    def write(self, event: JournalEvent, **fields: str | int | None) -> None:
        """Append a line to the journal; it is on disk on return. Raises RescueError."""
        if isinstance(message := fields.get("message"), str):
            fields["message"] = without_secrets(message)
        # The logs first: whoever dies after this line has them as far as the journal goes.
        self.record.flush()
        self.record.journal.append(JournalEntry(event, **fields))  # type: ignore[arg-type]
        self._written()

    def emit(self, event: Event) -> None:
        """Tell the listener."""
        try:
            self._listener(event)
        except OSError:
            # A terminal or a pipe that went away: the journal and the logs still say everything,
            # and half a restore is worse than one that nobody sees.
            return
        except Exception:
            # A fault of whoever shows it: the same holds.
            logger.exception("the event was not shown: %s", type(event).__name__)

    def tries(self, node: str, step: str, action: str, attempt: int) -> None:
        """A try begins: what the node says from now on belongs to it."""
        self._tell_trouble(node, self.record.log_try(node, step, action, attempt))

    def say(self, node: str, stream: Stream, lines: Sequence[str]) -> None:
        """Lines of a node's output, or about it."""
        lines = self._redactors.setdefault(node, Redactor()).lines(lines)
        trouble = self.record.log(node, lines, stream)
        self.emit(Output(now(), node, stream, tuple(lines)))
        self._tell_trouble(node, trouble)

    def _tell_trouble(self, node: str, trouble: str | None) -> None:
        if trouble is not None:
            self.emit(Output(now(), node, Stream.NOTE, (trouble,)))


def now() -> datetime:
    """The time of an event."""
    return datetime.now(UTC)
