"""Who refuses to clear the alarm inside a snapshot has the data back, and is told what is owed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recovery.backups.reference import resolve_reference
from recovery.incident import Incident
from recovery.inventory.load import load_inventory
from recovery.rehearsal.node.etcd_gateway import GatewayError
from recovery.restore.events import Event, Outcome, RunEnded
from recovery.restore.plan import Gate, Plan
from tests.faults.alarmed_snapshot import alarmed_snapshot
from tests.faults.lab import Lab
from tui.commands.executing import ConfirmedOperator

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.environ.get("ETCD_RESCUE_FAULTS") != "every",
        reason="scripted answers show the same by default: ETCD_RESCUE_FAULTS=every",
    ),
]


class Reluctant(ConfirmedOperator):
    """Consents to everything but clearing the alarm."""

    async def consent(self, plan: Plan, gate: Gate) -> bool:
        return gate.id != "alarm"


async def test_the_data_is_restored_writes_are_refused_and_resume_clears_the_alarm(
    lab: Lab, tmp_path: Path
) -> None:
    alarmed = alarmed_snapshot(lab.demo, tmp_path / "alarmed")
    lab = Lab(lab.demo, tmp_path / "scratch", str(alarmed))
    events: list[Event] = []
    cluster = load_inventory(lab.demo.inventory).clusters[0]
    environment = {"HOME": str(lab.demo.home), "PATH": "/usr/bin:/bin"}
    async with Incident(cluster, environ=environment) as incident:
        await incident.look()
        judged = await incident.ready(resolve_reference(str(alarmed), None))
        await incident.preflight(judged)
        run = incident.restore(incident.plan(judged), judged, Reluctant(), events.append)
        assert await run.execute() is Outcome.SHORT
    (last,) = (event for event in events if isinstance(event, RunEnded))
    assert "they refuse all writes" in last.message
    with pytest.raises(GatewayError, match="space exceeded"):
        lab.leave_mark("refused")
    lab.has_exactly_the_snapshot()
    assert lab.newest_run()["state"] == "interrupted"

    lab.good("runs", "resume")
    assert lab.newest_run()["state"] == "succeeded"
    lab.has_exactly_the_snapshot()
    lab.leave_mark("taken")
    lab.good("runs", "clean")
