"""Runs a plan from the command line: who consents, what interrupts it, how it is told."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress

from recovery.errors import RefusedError
from recovery.incident import Incident
from recovery.restore.events import Outcome
from recovery.restore.lock import HolderState, LockedError
from recovery.restore.operator import ActionFailure, Choice, Decision
from recovery.restore.plan import Gate, Plan
from recovery.restore.run_control import RestoreRun
from tui.commands.run_events import tell_json

EXIT_INTERRUPTED = 4
_MOST_TRIES = 3


class ConfirmedOperator:
    """Whoever gave the cluster's name: consents to the plan, and stops at the first failure.

    `without`: nodes that they have said may be left for later.
    """

    def __init__(self, without: Iterable[str] = ()) -> None:
        self._without = frozenset(without)

    async def consent(self, plan: Plan, gate: Gate) -> bool:
        """Yes: the name was given for this run."""
        return True

    async def decide(self, plan: Plan, failure: ActionFailure) -> Choice:
        """Leave what the restore can do without; ask again where nobody knows; stop at the rest."""
        failed = {item.node for item in failure.failures}
        nodes = ", ".join(sorted(failed))
        if not failure.action.essential:
            return Choice(Decision.SKIP, f"left for later on {nodes}")
        if failure.can_go_on_without and failed <= self._without:
            return Choice(Decision.WITHOUT, f"--without {nodes}")
        unknown = all(item.exit_status is None for item in failure.failures)
        if unknown and failure.action.watch is None and failure.attempt < _MOST_TRIES:
            return Choice(Decision.RETRY, "nobody knows how it ended")
        return Choice(Decision.ABORT)


def add_consent(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of every command that changes nodes."""
    parser.add_argument("--confirm", metavar="CLUSTER", help="the cluster's name, as consent")
    parser.add_argument(
        "--without",
        metavar="NODE",
        action="append",
        default=[],
        help="go on without this control-plane node where it fails; `runs resume` brings it in",
    )
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="replace the lock of somebody else who works on this cluster",
    )
    parser.add_argument(
        "--events", choices=("text", "json"), default="text", help="how stderr tells what happens"
    )


def require_consent(incident: Incident, confirm: str | None, command: str) -> None:
    """Raise RefusedError unless the cluster's own name was given."""
    name = incident.cluster.name
    if confirm != name:
        given = f"“{confirm}” is not its name" if confirm else "none given"
        raise RefusedError(
            f"this needs the cluster's name, {name}, as consent: {given}",
            remedy=f"etcd-rescue {command} --confirm {name}",
        )


async def require_unlocked(incident: Incident, arguments: argparse.Namespace) -> None:
    """Raise LockedError where somebody else works on the cluster, or take over where asked to."""
    holder = await incident.lock_holder()
    if holder is None or holder.state is HolderState.DEAD:
        return
    if not arguments.take_over:
        raise LockedError(holder)
    words = f"taking over: {holder.in_words()}"
    if arguments.events == "json":
        tell_json("taking-over", message=words)
    else:
        sys.stderr.write(f"etcd-rescue: {words}\n")
    await incident.take_over(holder)


async def execute(run_: RestoreRun, *, as_json: bool) -> Outcome:
    """Ctrl-C and SIGTERM interrupt the run; a terminal that goes away does not."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    try:
        return await run_.execute()
    except asyncio.CancelledError:
        run = f"{run_.run_id} --confirm {shlex.quote(run_.plan.cluster)}"
        words = (
            f"run {run_.run_id} was interrupted; `etcd-rescue runs resume {run}` goes on, "
            f"`etcd-rescue runs rollback {run}` leads back. What was done is in "
            f"{run_.log_path}/journal.jsonl, the way back in way-back.md beside it"
        )
        with suppress(OSError):
            if as_json:
                tell_json("run-ended", outcome=Outcome.ABORTED.value, message=words)
            else:
                sys.stderr.write(f"etcd-rescue: {words}\n")
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGHUP)


def exit_of(outcome: Outcome, words: str, *, as_json: bool) -> int:
    """The exit status of an outcome; `words` are said where all is well."""
    if outcome is Outcome.DONE and not as_json:
        with suppress(OSError):  # nobody may be listening any more
            sys.stderr.write(f"etcd-rescue: {words}\n")
    known = {
        Outcome.DONE: 0,
        Outcome.REFUSED: 3,
        Outcome.ABORTED: EXIT_INTERRUPTED,
        Outcome.SHORT: EXIT_INTERRUPTED,
    }
    return known.get(outcome, 1)
