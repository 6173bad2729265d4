"""A snapshot that carries NOSPACE: the plan clears the alarm, with a question of its own."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from recovery.cluster.etcd_answers import Alarm, ListedMember
from recovery.cluster.facts import MemberStatus
from recovery.health.database_checks import DATABASE
from recovery.health.expected import Expected
from recovery.health.member_answers import MemberAnswer
from recovery.health.member_checks import ALARMS, HASH, WRITE, answer_checks
from recovery.health.model import CLUSTER_SCOPE, Check
from recovery.health.space_alarm import apart_from_no_space
from recovery.health.verdicts import failed, ok, warned
from recovery.restore.events import Outcome, StepEnded
from recovery.restore.operator import Choice, Decision
from recovery.restore.past_runs import RunState, read_run
from recovery.restore.plan import CLEARING, Plan, Risk, Watch
from recovery.restore.plan_json import plan_facts
from recovery.restore.plan_loading import load_plan
from recovery.restore.planner import PlanOptions, plan
from recovery.restore.rollback import rollback_plan
from recovery.restore.runbook import runbook_markdown
from recovery.restore.standing import StepState
from recovery.restore.standings import standing_of
from recovery.restore.watching import ClusterWatcher
from recovery.ssh.fleet import Fleet
from tests.restore.broken_cluster import NAMES, SOURCE, cluster, facts
from tests.restore.test_run import Stage

ALARMED = dataclasses.replace(SOURCE, alarms=("NOSPACE",))


@pytest.fixture(name="planned")
def planned_fixture() -> Plan:
    return plan(facts(), ALARMED, PlanOptions("run-1"))


@pytest.fixture(name="stage")
def stage_fixture(tmp_path: Path) -> Stage:
    return Stage(tmp_path, ALARMED)


def test_the_alarm_is_cleared_once_the_members_agree_and_before_anybody_needs_to_write(
    planned: Plan,
) -> None:
    assert [step.id for step in planned.steps][-5:] == [
        "start",
        "verify",
        "alarm",
        "kubelets",
        "prove",
    ]
    assert [action.id for action in planned.step("start").actions] == [
        "start-kubelet",
        "etcd-formed",
    ]
    assert [action.id for action in planned.step("alarm").actions] == [
        "drop-history",
        "defragment",
        "disarm-alarm",
        "control-plane-ready",
    ]
    gate = planned.gate_before("alarm")
    assert gate is not None
    assert (gate.risk, gate.steps) == (Risk.CHANGE, ("alarm",))


def test_a_snapshot_that_fills_the_quota_is_given_room_like_one_with_the_alarm() -> None:
    seen = facts()
    manifest = seen.nodes["etcd-1"].manifest
    assert manifest is not None
    text = manifest.text.replace("- etcd\n", f"- etcd\n    - --quota-backend-bytes={SOURCE.size}\n")
    assert text != manifest.text
    small = dataclasses.replace(manifest, text=text)
    nodes = {**seen.nodes, "etcd-1": dataclasses.replace(seen.nodes["etcd-1"], manifest=small)}
    planned = plan(dataclasses.replace(seen, nodes=nodes), SOURCE, PlanOptions("run-1"))
    assert planned.source.fills_quota
    assert planned.step("alarm").title == "make room in etcd"
    gate = planned.gate_before("alarm")
    assert gate is not None
    assert gate.title.startswith("make room below the quota")
    assert load_plan(json.dumps(plan_facts(planned)), "plan.json") == planned


@pytest.mark.parametrize("alarms", [(), ("CORRUPT",)])
def test_without_that_alarm_nothing_is_compacted_and_nothing_asked(alarms: tuple[str, ...]) -> None:
    planned = plan(facts(), dataclasses.replace(SOURCE, alarms=alarms), PlanOptions("run-1"))
    assert "alarm" not in {step.id for step in planned.steps}
    assert "alarm" not in {gate.id for gate in planned.gates}


def test_the_runbook_has_the_commands_for_a_person(planned: Plan) -> None:
    text = runbook_markdown(planned)
    revision = SOURCE.revision + planned.revision_bump
    for words in (f"compaction --physical {revision}", "defrag", "alarm list", "alarm disarm"):
        assert f" {words}" in text
    assert "CACERT=/etc/kubernetes/pki/etcd/ca.crt\n" in text


def test_it_survives_being_written_down_and_has_nothing_to_undo(planned: Plan) -> None:
    assert load_plan(json.dumps(plan_facts(planned)), "plan.json") == planned
    assert "undo-alarm" not in {step.id for step in rollback_plan(planned).steps}


async def test_a_run_clears_it_and_then_proves_everything(stage: Stage) -> None:
    assert await stage.run.execute() is Outcome.DONE
    assert stage.operator.asked == ["stage", "replace", "alarm", "kubelets"]
    asked = [what for what, _ in stage.watcher.asked]
    assert asked[-5:] == [
        Watch.HISTORY_DROPPED,
        Watch.DEFRAGMENTED,
        Watch.ALARM_CLEARED,
        Watch.CONTROL_PLANE_READY,
        Watch.HEALTH_PROVEN,
    ]
    assert not any(planned.alarm_stays for _, planned in stage.watcher.asked)


async def test_who_refuses_it_is_told_that_writes_are_refused_and_how_to_go_on(
    stage: Stage,
) -> None:
    stage.operator.refused = {"alarm"}
    assert await stage.run.execute() is Outcome.SHORT
    assert CLEARING.isdisjoint(what for what, _ in stage.watcher.asked)
    proof, planned = stage.watcher.asked[-1]
    assert (proof, planned.alarm_stays) == (Watch.HEALTH_PROVEN, True)
    assert "restart-kubelets" in {action for action, _ in stage.worker.done}
    assert "they refuse all writes" in stage.last_words
    assert f"`etcd-rescue runs resume --confirm {stage.plan.cluster}`" in stage.last_words
    stage.record.close()
    run = read_run(stage.record.directory)
    standing = standing_of(run, stage.plan)
    assert run.state is RunState.INTERRUPTED
    assert standing.next == "clear the alarm"
    assert "refuse writes" in standing.holds
    assert standing.resume_refused == ""
    assert standing.clean_refused


@pytest.mark.parametrize("what", sorted(CLEARING, key=str))
async def test_what_fails_is_left_with_all_that_needs_it_and_the_data_is_restored(
    stage: Stage, what: Watch
) -> None:
    stage.watcher.answers = {what: {"etcd-1": "the database is over its quota"}}
    stage.operator.decisions = [Choice(Decision.SKIP, "left for later on etcd-1")]
    assert await stage.run.execute() is Outcome.SHORT
    assert stage.watcher.asked[-2][0] is what
    ended = {e.step: e.outcome for e in stage.events if isinstance(e, StepEnded)}
    assert ended["alarm"] is Outcome.SKIPPED
    assert ended["prove"] is Outcome.DONE
    assert "they refuse all writes" in stage.last_words
    stage.record.close()
    standing = standing_of(read_run(stage.record.directory), stage.plan)
    states = {step.id: step.state for step in standing.steps}
    assert states["alarm"] is StepState.SKIPPED


async def test_without_the_node_it_is_shown_on_the_proof_is_made_all_the_same(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path)
    stage.worker.failing = {("stop-kubelet", "etcd-1"): 1}
    stage.operator.decisions = [Choice(Decision.WITHOUT)]
    assert await stage.run.execute() is Outcome.SHORT
    assert stage.watcher.asked[-1][0] is Watch.HEALTH_PROVEN
    assert stage.watcher.asked[-1][1].nodes == NAMES[1:]


def test_an_alarm_of_a_member_that_is_no_more_is_an_alarm() -> None:
    status = MemberStatus("etcd-1", 1, 7, "3.5.16", 1, False, 4096, 40, 2, 50)
    listed = tuple(ListedMember(n, f"etcd-{n}", (), (), False) for n in (1, 2))
    for member_id, message in ((4711, "NOSPACE"), (1, "NOSPACE"), (2, "none")):
        answer = MemberAnswer("etcd-1", None, 1.0, status, listed, (Alarm(member_id, "NOSPACE"),))
        found = {check.name: check.message for check in answer_checks(answer)}
        assert found[ALARMS] == message


def test_an_alarm_explains_that_nothing_can_be_written_and_nothing_else() -> None:
    alarm = failed(ALARMS, "etcd-1", "NOSPACE", "It refuses writes.", "disarm")
    write = failed(WRITE, CLUSTER_SCOPE, "refused", "", "")
    differs = failed(HASH, "etcd-2", "8a41 77e0", "", "")
    assert apart_from_no_space([alarm, write, differs]) == (differs,)
    fine = ok(ALARMS, "etcd-1", "none")
    assert apart_from_no_space([fine, write]) == (fine, write)
    both = failed(ALARMS, "etcd-1", "CORRUPT, NOSPACE", "", "")
    assert apart_from_no_space([both, write]) == (both, write)
    at_the_edge = warned(DATABASE, "etcd-3", "1.9 MiB, 97 %", "Near its quota.", "compact")
    empty = failed(DATABASE, "etcd-2", "0 B", "It holds nothing.", "look at it")
    assert apart_from_no_space([alarm, at_the_edge, empty]) == (empty,)
    assert apart_from_no_space([fine, at_the_edge]) == (fine, at_the_edge)


@pytest.mark.parametrize(("stays", "failures"), [(False, 2), (True, 0)])
async def test_an_alarm_that_was_cleared_and_came_again_is_not_waved_through_at_the_end(
    monkeypatch: pytest.MonkeyPatch, stays: bool, failures: int
) -> None:
    raised = (
        failed(ALARMS, CLUSTER_SCOPE, "NOSPACE", "", ""),
        failed(WRITE, CLUSTER_SCOPE, "it does not go through", "", ""),
    )

    async def compared(*_: object, **__: object) -> tuple[Check, ...]:
        return raised

    monkeypatch.setattr("recovery.restore.watching.check_members", compared)
    short = plan(facts(), ALARMED, PlanOptions("run-1", without=("etcd-3",)))
    watcher = ClusterWatcher(Fleet(cluster()), cluster(), {}, Expected(1, 1), {})
    reasons = await watcher.watch(
        Watch.HEALTH_PROVEN,
        dataclasses.replace(short, alarm_stays=stays),
        timeout=0,
        note=lambda *_: None,
    )
    assert "; ".join(reasons.values()).count(":") == failures
