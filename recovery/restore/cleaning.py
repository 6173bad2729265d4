"""Deletes what a run has left on the nodes, once the cluster is proven healthy."""

from __future__ import annotations

from collections.abc import Callable

from recovery.errors import NodeError, RefusedError
from recovery.restore.clean_up import CleanUp, Cleared
from recovery.restore.clean_up_scripts import clean_script, weigh_script
from recovery.restore.journal import JournalEntry, JournalEvent
from recovery.restore.plan import Plan
from recovery.restore.process_identity import operator_name
from recovery.restore.run_record import RunRecord
from recovery.ssh.fleet import Fleet

_WEIGH_SECONDS = 120.0
_CLEAN_SECONDS = 600.0


async def weigh(fleet: Fleet, plan: Plan) -> CleanUp:
    """What cleaning up would delete, and how much comes free; deletes nothing.

    Raises RefusedError where a node cannot be asked: cleaning up is not urgent.
    """
    answers = await fleet.each(
        [place.node for place in plan.places],
        lambda session: session.check(
            weigh_script(plan.place(session.node.name)), timeout=_WEIGH_SECONDS
        ),
    )
    nodes = []
    for node, told in answers.items():
        if isinstance(told, NodeError):
            raise RefusedError(
                f"{node} cannot be asked what there is to delete: {told.what}",
                where=plan.cluster,
                remedy="clean up once all nodes answer; nothing is lost by waiting",
            )
        nodes.append(_cleared(node, told))
    return CleanUp(plan.run_id, plan.cluster, tuple(nodes))


def _cleared(node: str, told: str) -> Cleared:
    lines = [line.split(" ", 1) for line in told.splitlines() if " " in line]
    return Cleared(
        node,
        tuple(path for _, path in lines),
        sum(int(size) for size, _ in lines if size.isdigit()) * 1024,
    )


async def clean(
    fleet: Fleet, plan: Plan, record: RunRecord, note: Callable[[str, str], None]
) -> None:
    """Delete the run's directories on every node; the record on this machine stays.

    `note` hears a node's name and what was done there. Raises RefusedError, after all nodes were
    tried, where one refused; what was deleted on the others is deleted.
    """
    answers = await fleet.each(
        [place.node for place in plan.places],
        lambda session: session.check(
            clean_script(plan.place(session.node.name), plan.run_id), timeout=_CLEAN_SECONDS
        ),
    )
    failed = []
    for node, told in answers.items():
        if isinstance(told, NodeError):
            failed.append(f"{node}: {told.what}")
        note(node, told.what if isinstance(told, NodeError) else told.strip() or "nothing was left")
    if failed:
        raise RefusedError(
            f"not everything could be deleted: {'; '.join(failed)}",
            where=plan.cluster,
            remedy="see the node's own words, then clean up again",
        )
    record.journal.append(
        JournalEntry(JournalEvent.CLEANED, run_id=plan.run_id, operator=operator_name())
    )
