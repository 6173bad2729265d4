"""The directory of a run on this machine: journal, plan, runbook, and each node's full output."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TextIO

from recovery.errors import RescueError
from recovery.health.expected import Expected
from recovery.health.leftovers import Leftovers
from recovery.places import make_private
from recovery.restore.circumstances import Circumstances
from recovery.restore.events import Stream
from recovery.restore.journal import JOURNAL_NAME, Journal, JournalEntry, JournalEvent
from recovery.restore.node_log import heading, log_lines
from recovery.restore.plan import Plan
from recovery.restore.plan_json import plan_facts
from recovery.restore.process_identity import ProcessIdentity, operator_name
from recovery.restore.record_facts import (
    BEFORE_NAME,
    HEALTH_NAME,
    LEFTOVERS_NAME,
    FinalChecks,
    facts_text,
)
from recovery.restore.runbook import runbook_markdown, way_back_markdown

PLAN_NAME = "plan.json"
EXPECTED_NAME = "expected.json"
WAY_BACK_NAME = "way-back.md"


class RunRecord:
    """Open files of one run. Everything in it is readable by its owner alone."""

    def __init__(self, directory: Path) -> None:
        self.directory = make_private(directory)
        self.journal = Journal(self.directory / JOURNAL_NAME)
        self.way_back = self.directory / WAY_BACK_NAME
        self._logs: dict[str, TextIO] = {}
        self._unlogged: set[str] = set()

    @classmethod
    def of_new_run(
        cls,
        runs: Path,
        plan: Plan,
        expected: Expected | None = None,
        before: Circumstances | None = None,
    ) -> Self:
        """The record of a run that has not begun; `expected`: what it must bring back."""
        record = cls(runs / plan.run_id)
        if before is not None:
            _write(record.directory / BEFORE_NAME, facts_text(before))
        if expected is not None:
            _write(record.directory / EXPECTED_NAME, json.dumps(asdict(expected)))
        record.keep_plan(plan)
        return record

    def keep_plan(self, plan: Plan) -> None:
        """Write the plan down, for this program's successors and for people."""
        _write(self.directory / "runbook.md", runbook_markdown(plan))
        _write(self.way_back, way_back_markdown(plan))
        _write(self.directory / PLAN_NAME, json.dumps(plan_facts(plan), indent=1))

    def keep_final(self, final: FinalChecks) -> None:
        """Write down what the last checks have shown."""
        _write(self.directory / HEALTH_NAME, facts_text(final))

    def keep_leftovers(self, leftovers: Leftovers) -> None:
        """Write down what a person should look at."""
        _write(self.directory / LEFTOVERS_NAME, facts_text(leftovers))

    def began(
        self, plan: Plan, event: JournalEvent = JournalEvent.RUN_STARTED, reason: str = ""
    ) -> None:
        """The journal's first line, and the first of each program that takes the run up again."""
        process = ProcessIdentity.mine()
        self.journal.append(
            JournalEntry(
                event,
                run_id=plan.run_id,
                cluster=plan.cluster,
                snapshot=plan.source.name,
                operator=operator_name(),
                pid=process.pid,
                machine=process.machine,
                boot=process.boot,
                process_started=process.started,
                message=reason or None,
            )
        )

    def log_try(self, node: str, step: str, action: str, attempt: int) -> str | None:
        """What the node says from now on belongs to this try; returns what `log` returns."""
        return self._log(node, [heading(datetime.now(UTC), step, action, attempt)])

    def log(self, node: str, lines: Sequence[str], stream: Stream = Stream.OUT) -> str | None:
        """Keep a node's output whole; the screen keeps only its tail.

        Returns, once, why it cannot be kept: a log is not worth stopping a restore for.
        """
        return self._log(node, log_lines(datetime.now(UTC), stream, lines))

    def _log(self, node: str, lines: Sequence[str]) -> str | None:
        if node in self._unlogged:
            return None
        try:
            if node not in self._logs:
                path = self.directory / f"{node}.log"
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                self._logs[node] = os.fdopen(descriptor, "a", encoding="utf-8", errors="replace")
            self._logs[node].writelines(f"{line}\n" for line in lines)
        except OSError as error:
            self._give_up(node)
            return f"its output is no longer kept in {self.directory}: {error.strerror or error}"
        return None

    def flush(self) -> None:
        """Hand the logs to the operating system."""
        for node, log in list(self._logs.items()):
            try:
                log.flush()
            except OSError:
                self._give_up(node)

    def close(self) -> None:
        """Close every file."""
        for node in list(self._logs):
            self._give_up(node)
        self.journal.close()

    def _give_up(self, node: str) -> None:
        self._unlogged.add(node)
        log = self._logs.pop(node, None)
        if log is not None:
            with suppress(OSError):  # what it still held cannot be written
                log.close()


def _write(path: Path, text: str) -> None:
    """Whole or not at all: under another name first."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise RescueError(
            f"the run's record cannot be written: {error.strerror}",
            where=str(path),
            remedy="make room, or set XDG_STATE_HOME to a disk that can be written",
        ) from error
