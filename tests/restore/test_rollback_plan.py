"""The way back is a plan that is derived from the plan of the restore."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from recovery.errors import RescueError
from recovery.restore.events import Outcome
from recovery.restore.journal import JournalEvent
from recovery.restore.node_work import NodeWorker
from recovery.restore.past_runs import RunState, read_run
from recovery.restore.plan import Plan, Risk, Watch
from recovery.restore.plan_json import plan_facts
from recovery.restore.plan_loading import load_plan
from recovery.restore.planner import PlanOptions, plan
from recovery.restore.progress import Progress
from recovery.restore.rollback import rollback_plan
from recovery.restore.run import Beginning, PlanRun
from recovery.restore.run_record import RunRecord
from tests.restore.broken_cluster import SOURCE, facts, node_facts
from tests.restore.test_run import ScriptedOperator, ScriptedWatcher, ScriptedWorker


@pytest.fixture
def planned() -> Plan:
    nodes = (node_facts(number, state="new") for number in (1, 2, 3))
    return plan(facts(*nodes), SOURCE, PlanOptions("run-1"))


def test_the_way_back_undoes_the_last_act_first(planned: Plan) -> None:
    assert [step.id for step in rollback_plan(planned).steps] == [
        "undo-start",
        "undo-place",
        "undo-set-aside",
        "undo-manifest",
        "undo-stop",
        "as-it-was",
    ]


def test_every_undo_can_be_asked_whether_it_is_done(planned: Plan) -> None:
    works = [w for s in rollback_plan(planned).steps[:-1] for a in s.actions for w in a.works]
    assert len(works) == 12 + len(planned.manifest_edits)
    assert all(work.probe for work in works)


def test_the_way_back_ends_by_asking_the_members_that_answered_before(planned: Plan) -> None:
    last = rollback_plan(planned).steps[-1].actions[0]
    assert last.watch is Watch.AS_IT_WAS


def test_one_question_covers_the_whole_way_back(planned: Plan) -> None:
    (gate,) = rollback_plan(planned).gates
    assert gate.steps == tuple(step.id for step in rollback_plan(planned).steps)


def test_a_plan_is_the_same_after_it_was_written_down_and_read(planned: Plan) -> None:
    text = json.dumps(plan_facts(planned))
    assert load_plan(text, "plan.json") == planned


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run_id": 3}', '{"steps": [{}]}'])
def test_what_is_no_plan_is_refused_with_the_way_to_go_on(text: str) -> None:
    with pytest.raises(RescueError, match="plan of this run cannot be read"):
        load_plan(text, "plan.json")


def test_where_data_was_moved_it_is_looked_for_before_anything_is_stopped(
    planned: Plan, tmp_path: Path
) -> None:
    progress = Progress(done=frozenset({("set-data-aside", "etcd-2")}))
    first, *rest = rollback_plan(planned, progress).steps
    (action,) = first.actions
    assert (action.risk, action.nodes) == (Risk.READ, ("etcd-2",))
    assert rest == list(rollback_plan(planned).steps)
    script = action.works[0].script
    aside = f"{planned.place('etcd-2').staging}/aside"
    assert f"ASIDE={aside}\n" in script
    kept = tmp_path / "aside"
    there = script.replace(aside, str(kept))
    assert subprocess.run(["sh", "-c", there], check=False).returncode == 1
    kept.mkdir()
    assert subprocess.run(["sh", "-c", there], check=False).returncode == 0


async def test_the_way_back_of_a_run_is_whole_without_the_nodes_that_it_never_touched(
    tmp_path: Path,
) -> None:
    short = plan(facts(), SOURCE, PlanOptions("run-1", without=("etcd-3",)))
    record = RunRecord.of_new_run(tmp_path, short)
    record.began(short)
    run = PlanRun(
        rollback_plan(short),
        record,
        cast("NodeWorker", ScriptedWorker(record.journal.path)),
        ScriptedWatcher(),
        ScriptedOperator(),
        lambda _: None,
        beginning=Beginning(JournalEvent.ROLLBACK_STARTED),
    )
    assert await run.execute() is Outcome.DONE
    assert read_run(record.directory).state is RunState.ROLLED_BACK


def test_a_node_s_name_that_would_lead_out_of_the_record_is_none(planned: Plan) -> None:
    text = json.dumps(plan_facts(replace(planned, nodes=("../../etcd-1",))))
    with pytest.raises(RescueError, match="plan of this run cannot be read"):
        load_plan(text, "plan.json")


def test_that_the_old_data_is_back_is_on_disk_before_kubelet_may_write_to_it(
    planned: Plan,
) -> None:
    actions = [action for step in rollback_plan(planned).steps for action in step.actions]
    ids = [action.id for action in actions]
    assert ids.index("undo-set-data-aside") < ids.index("undo-stop-kubelet")
    for work in actions[ids.index("undo-set-data-aside")].works:
        assert work.script.rstrip().endswith(': > "$BACK"\non_disk "$BACK" "${BACK%/*}"')
