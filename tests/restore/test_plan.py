"""The plan is pure data: what is in it, and what must never be in it."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from recovery.cluster.facts import ClusterFacts
from recovery.errors import NodeError, NodeUnreachableError, RefusedError
from recovery.restore.plan import NodeWork, Plan, PlannedMember, Risk, Step
from recovery.restore.plan_json import plan_document, plan_facts
from recovery.restore.planner import PlanOptions, new_run_id, plan
from recovery.restore.runbook import runbook_markdown, runbook_shell
from recovery.restore.watching import quorum_came_back
from tests.restore.broken_cluster import (
    NAMES,
    SOURCE,
    facts,
    node_facts,
    with_quorum,
)

OPTIONS = PlanOptions(run_id="20261122-140200-7f3a")


@pytest.fixture(name="planned")
def planned_fixture() -> Plan:
    return plan(facts(), SOURCE, OPTIONS)


def works(planned: Plan) -> Iterator[NodeWork]:
    for step in planned.steps:
        for action in step.actions:
            yield from action.works


def step_index(planned: Plan, step: Step) -> int:
    return planned.steps.index(step)


def test_everything_that_can_fail_cheaply_comes_before_anything_is_stopped(planned: Plan) -> None:
    ids = [step.id for step in planned.steps]
    assert ids == [
        "preflight",
        "stage",
        "restore",
        "stop",
        "manifest",
        "set-aside",
        "place",
        "start",
        "verify",
        "kubelets",
        "prove",
    ]
    stop = ids.index("stop")
    assert all(step.risk is not Risk.DESTROY for step in planned.steps[:stop])


def test_the_same_facts_give_the_same_plan() -> None:
    assert plan(facts(), SOURCE, OPTIONS) == plan(facts(), SOURCE, OPTIONS)


def test_no_script_deletes_data_but_a_failed_try_of_this_very_run(planned: Plan) -> None:
    deleted = []
    for action in (action for step in planned.steps for action in step.actions):
        for work in action.works:
            for script in (work.script, work.undo or "", work.probe or "", work.undone or ""):
                without_containers = re.sub(r"\bcrictl rm -f\b", "", script)
                deleted += [
                    (action.id, line.strip())
                    for line in without_containers.splitlines()
                    if re.search(r"\brm\b|\brmdir\b|\bunlink\b|-delete\b", line)
                ]
    assert set(deleted) == {
        ("restore-member", 'if [ -d "$TRY" ]; then run rm -r "$TRY"; fi'),
        ("restore-member", """trap 'if [ -d "$TRY" ]; then rm -r "$TRY"; fi' EXIT"""),
    }
    tries = [w.script for w in works(planned) if '"$TRY"' in w.script and "rm -r" in w.script]
    assert all('for TRY in "$RESTORED".try-*; do' in script for script in tries)
    assert all('TRY=$(mktemp -d "$RESTORED.try-XXXXXX")' in script for script in tries)


def test_every_script_is_valid_posix_shell(planned: Plan) -> None:
    scripts = {
        script
        for work in works(planned)
        for script in (work.script, work.undo, work.probe)
        if script
    }
    assert len(scripts) > 20
    for script in scripts:
        checked = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True)
        assert checked.returncode == 0, (script, checked.stderr)


def test_every_change_can_be_asked_whether_it_is_done(planned: Plan) -> None:
    for step in planned.steps:
        for action in step.actions:
            if action.risk is not Risk.READ and action.essential:
                assert all(work.probe for work in action.works), action.id


def test_what_takes_the_api_down_has_an_undo_or_leaves_nothing_to_undo(planned: Plan) -> None:
    undone = {
        action.id
        for step in planned.steps
        for action in step.actions
        if any(work.undo for work in action.works)
    }
    assert undone == {
        "stop-kubelet",
        "set-data-aside",
        "edit-manifest",
        "place-member",
        "start-kubelet",
    } - ({"edit-manifest"} if not planned.manifest_edits else set())


def test_all_members_get_the_same_file_flags_and_token(planned: Plan) -> None:
    scripts = [work.script for work in planned.step("restore").actions[0].works]
    assert len(scripts) == 3
    same = {re.sub(r"(?m)^(NAME|PEER_URLS)=.*$", "", script) for script in scripts}
    assert len(same) == 1
    assert f"TOKEN=etcd-rescue-{OPTIONS.run_id}" in scripts[0]
    assert (
        "INITIAL_CLUSTER=etcd-1=https://10.0.0.11:2380,etcd-2=https://10.0.0.12:2380,"
        "etcd-3=https://10.0.0.13:2380" in scripts[0]
    )


def test_revisions_are_raised_on_all_members_or_on_none() -> None:
    both = plan(facts(), SOURCE, OPTIONS)
    assert both.revision_bump == 1_000_000_000
    mixed = facts(node_facts(1), node_facts(2, bumps=False), node_facts(3))
    neither = plan(mixed, SOURCE, OPTIONS)
    assert neither.revision_bump == 0
    assert not any("--bump-revision" in work.script for work in works(neither))
    assert any("raise revisions" in warning for warning in neither.warnings)


def test_the_hash_check_is_skipped_only_for_a_snapshot_that_never_had_a_hash() -> None:
    import dataclasses

    with_hash = plan(facts(), SOURCE, OPTIONS)
    assert not any("skip-hash-check" in work.script for work in works(with_hash))
    bare = plan(facts(), dataclasses.replace(SOURCE, has_hash=False), OPTIONS)
    restore = bare.step("restore").actions[0]
    assert all("--skip-hash-check=true" in work.script for work in restore.works)
    assert all(f"SHA256={SOURCE.sha256}" in work.script for work in restore.works)
    assert any("no hash" in warning for warning in bare.warnings)


def test_a_node_without_a_tool_gets_one_from_another_node() -> None:
    planned = plan(
        facts(node_facts(1), node_facts(2, own_tool=False), node_facts(3)), SOURCE, OPTIONS
    )
    carry = next(a for a in planned.step("stage").actions if a.id == "carry-tool")
    assert carry.nodes == ("etcd-2",)
    delivery = carry.works[0].delivery
    assert delivery is not None
    assert delivery.source_node == "etcd-1"


def test_no_tool_anywhere_is_refused_with_what_to_install() -> None:
    bare = facts(*(node_facts(number, own_tool=False) for number in (1, 2, 3)))
    with pytest.raises(RefusedError, match="no etcdutl or etcdctl") as refused:
        plan(bare, SOURCE, OPTIONS)
    assert "3.5" in refused.value.remedy


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("--wal-dir=/var/lib/etcd-wal", True),
        ("--force-new-cluster", True),
        ("--force-new-cluster=true", True),
        ("--force-new-cluster=false", False),
    ],
)
def test_a_flag_with_which_a_restored_member_does_harm_is_refused(line: str, refused: bool) -> None:
    node = node_facts(2)
    assert node.manifest is not None
    text = node.manifest.text.replace("    - --name=", f"    - {line}\n    - --name=")
    node = dataclasses.replace(node, manifest=dataclasses.replace(node.manifest, text=text))
    broken = facts(node_facts(1), node, node_facts(3))
    if not refused:
        plan(broken, SOURCE, PlanOptions("run-1"))
        return
    with pytest.raises(RefusedError, match=line.partition("=")[0]) as raised:
        plan(broken, SOURCE, PlanOptions("run-1"))
    assert "etcd-2" in raised.value.where


def test_an_unreachable_node_is_refused_by_name() -> None:
    import dataclasses

    lost = facts()
    gone = dataclasses.replace(
        lost,
        nodes={name: lost.nodes[name] for name in ("etcd-1", "etcd-2")},
        unreachable={"etcd-3": NodeUnreachableError("no answer in 10 s", where="etcd-3")},
    )
    with pytest.raises(RefusedError, match="etcd-3 cannot be reached"):
        plan(gone, SOURCE, OPTIONS)


def test_the_quorum_is_asked_for_right_before_the_stop_where_it_was_lost(planned: Plan) -> None:
    assert planned.step("stop").actions[0].id == "quorum-still-lost"
    alive = plan(with_quorum(facts()), SOURCE, OPTIONS)
    assert alive.step("stop").actions[0].id == "stop-kubelet"
    assert any("has a quorum" in warning for warning in alive.warnings)


def test_a_manifest_without_the_state_flag_gets_it_and_the_diff_is_one_line() -> None:
    first = facts(node_facts(1, state=None), node_facts(2), node_facts(3))
    planned = plan(first, SOURCE, OPTIONS)
    assert [edit.node for edit in planned.manifest_edits] == ["etcd-1"]
    edit = planned.manifest_edits[0]
    added = set(edit.after.splitlines()) - set(edit.before.splitlines())
    assert {line.strip() for line in added} == {"- --initial-cluster-state=existing"}


def test_a_manifest_without_advertised_client_urls_can_be_planned_with() -> None:
    node = node_facts(1)
    assert node.manifest is not None
    manifest = dataclasses.replace(node.manifest, advertise_client_urls=())
    node = dataclasses.replace(node, manifest=manifest)
    planned = plan(facts(node, node_facts(2), node_facts(3)), SOURCE, PlanOptions("run-1"))
    assert "https://127.0.0.1:2379" in planned.step("verify").actions[0].works[0].script


def test_a_manifest_that_holds_the_scripts_end_mark_is_still_text() -> None:
    node = node_facts(1, state="new")
    assert node.manifest is not None
    text = f'{node.manifest.text}x: "\nEND_OF_MANIFEST\nexit 7\n  "\n'
    node = dataclasses.replace(node, manifest=dataclasses.replace(node.manifest, text=text))
    planned = plan(facts(node, node_facts(2), node_facts(3)), SOURCE, PlanOptions("run-1"))
    (work,) = (w for a in planned.step("manifest").actions for w in a.works if w.node == "etcd-1")
    heredoc = work.script.partition("<<'")[2]
    mark = heredoc.partition("'")[0]
    assert heredoc.split("\n").count(mark) == 1
    assert planned.manifest_edits[0].after in heredoc


def test_workers_are_only_touched_by_the_kubelet_restart(planned: Plan) -> None:
    for step in planned.steps:
        touched = {node for action in step.actions for node in action.nodes}
        if step.id == "kubelets":
            assert touched == {*NAMES, "worker-1"}
        else:
            assert touched <= set(NAMES)


def test_what_is_lost_is_told_with_the_snapshots_time_as_every_screen_writes_it(
    planned: Plan,
) -> None:
    told = [gate.loses for gate in planned.gates if gate.risk is Risk.DESTROY]
    words = f"everything written since 2026-11-22 00:00 UTC (revision {SOURCE.revision})"
    assert told == [words]


def test_consent_is_asked_before_staging_before_the_stop_and_before_the_kubelets(
    planned: Plan,
) -> None:
    assert [(gate.steps[0], gate.risk) for gate in planned.gates] == [
        ("stage", Risk.CHANGE),
        ("stop", Risk.DESTROY),
        ("kubelets", Risk.CHANGE),
    ]
    covered = {step for gate in planned.gates for step in gate.steps}
    risky = {step.id for step in planned.steps if step.risk is not Risk.READ}
    assert risky <= covered


def test_the_json_document_has_the_keys_of_the_contract(planned: Plan) -> None:
    document = json.loads(json.dumps(plan_document(planned)))
    assert {"cluster", "snapshot", "steps"} <= document.keys()
    for step in document["steps"]:
        assert {"id", "title", "risk", "actions"} <= step.keys()
        for action in step["actions"]:
            assert {"id", "title", "nodes", "risk", "script", "undo", "probe"} <= action.keys()
            assert isinstance(action["script"], str)
    json.dumps(plan_facts(planned))


def test_the_runbook_holds_every_script(planned: Plan) -> None:
    markdown = runbook_markdown(planned)
    shell = runbook_shell(planned)
    for work in works(planned):
        assert work.script.strip() in markdown
        assert work.script.strip() in shell
    checked = subprocess.run(["sh", "-n"], input=shell, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr


def test_the_shell_runbook_refuses_to_run_as_a_whole(planned: Plan) -> None:
    ran = subprocess.run(["sh", "-s"], input=runbook_shell(planned), text=True, capture_output=True)
    assert ran.returncode == 2


def test_run_ids_are_never_used_twice() -> None:
    assert len({new_run_id() for _ in range(50)}) > 45


def five(*absent: str) -> ClusterFacts:
    """A cluster of five without a quorum; some of its nodes cannot be reached."""
    told = facts(*(node_facts(number) for number in (1, 2, 3, 4, 5)))
    there = {name: node for name, node in told.nodes.items() if name not in absent}
    away: dict[str, NodeError] = {n: NodeUnreachableError("no answer", where=n) for n in absent}
    return dataclasses.replace(told, nodes=there, unreachable=away)


def test_five_nodes_are_planned_for_only_where_their_number_was_allowed() -> None:
    for allowed in (None, 3):
        with pytest.raises(RefusedError) as refused:
            plan(five(), SOURCE, dataclasses.replace(OPTIONS, allow_node_count=allowed))
        assert "support" in (refused.value.remedy or "")
    allowed_plan = plan(five(), SOURCE, dataclasses.replace(OPTIONS, allow_node_count=5))
    assert len(allowed_plan.members) == 5
    with pytest.raises(RefusedError):
        plan(facts(), SOURCE, dataclasses.replace(OPTIONS, allow_node_count=5))


def test_of_five_nodes_three_are_enough_and_two_are_not() -> None:
    away = ("etcd-4", "etcd-5")
    members = tuple(
        PlannedMember(f"etcd-{n}", (f"https://10.0.0.1{n}:2380",)) for n in (1, 2, 3, 4, 5)
    )
    source = dataclasses.replace(SOURCE, members=members)
    options = dataclasses.replace(OPTIONS, allow_node_count=5, without=away)
    three = plan(five(*away), source, options)
    assert three.nodes == ("etcd-1", "etcd-2", "etcd-3")
    for work in works(three):
        for script in (work.script, work.undo or ""):
            assert "etcd-4 " not in script
    restored = next(s for s in three.steps if s.id == "restore").actions[0].works[0].script
    assert all(f"etcd-{n}=https://10.0.0.1{n}:2380" in restored for n in (1, 2, 3, 4, 5))
    more = ("etcd-3", *away)
    with pytest.raises(RefusedError, match="no majority of the 5"):
        plan(five(*more), source, dataclasses.replace(options, without=more))


@pytest.mark.parametrize(
    ("following", "present", "absent", "together"),
    [
        ([0, 0, 0], 3, 0, 0),
        ([7, 0, 0], 3, 0, 0),
        ([7, 7, 0], 3, 0, 2),
        ([7, 9, 0], 3, 0, 0),
        ([7, 0], 2, 1, 1),
        ([7, 7, 0, 0, 0], 5, 0, 0),
        ([7, 7, 7], 5, 0, 3),
        ([7, 0, 0], 3, 2, 1),
        ([0, 0, 0], 3, 2, 0),
        ([7], 1, 0, 1),
    ],
)
def test_a_quorum_is_one_of_all_members_and_who_was_not_asked_may_be_in_it(
    following: list[int], present: int, absent: int, together: int
) -> None:
    assert quorum_came_back(following, present, absent) == together
