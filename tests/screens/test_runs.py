"""Runs that were left in the middle: offered first, resumed, led back, cleaned up, watched."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from recovery.restore.past_runs import PastRun
from screens.dialogs.failure import FailureDialog
from screens.dialogs.interrupted import InterruptedDialog
from screens.dialogs.locked import LockedDialog
from screens.other_run import OtherRunScreen
from screens.plan import PlanScreen
from screens.runs import RunsScreen
from screens.snapshots import SnapshotsScreen
from tests.screens.canned import Answers, CannedIncident
from tests.screens.canned_past import HOLDER, past_run
from tests.screens.canned_plan import canned_plan
from tests.screens.canned_run import Script
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import case_of, opened, past_danger, to_recovered, typed


def interrupted(last: str = "set-aside", *, ended: str | None = None) -> PastRun:
    return past_run(canned_plan("snapshot.tar", "prod-a"), last, ended=ended)


def incident_of(pilot: Pilot[Any]) -> CannedIncident:
    incident = case_of(pilot).incident
    assert isinstance(incident, CannedIncident)
    return incident


async def test_an_interrupted_run_is_offered_before_anything_else() -> None:
    async with opened(Answers(past_runs=(interrupted(),))) as pilot:
        await shows(pilot, "A restore of prod-a is not finished")
        assert isinstance(pilot.app.screen, InterruptedDialog)
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "resume"
        await pilot.press("enter")
        await shows(pilot, "Write to the nodes")
        assert len(incident_of(pilot).runs) == 1


async def test_a_run_that_is_taken_up_or_led_back_never_says_that_nothing_was_written() -> None:
    for key, beginning in (("r", "Write to the nodes"), ("R", "Type the cluster's name")):
        async with opened(Answers(past_runs=(interrupted("place"),))) as pilot:
            await shows(pilot, "A restore of prod-a is not finished")
            await pilot.press(key)
            await shows(pilot, beginning)
            await shows(pilot, "is partly done")
            assert "Nothing was written" not in text_on_screen(pilot.app)


async def test_not_now_says_where_the_run_is_found_and_asks_no_more() -> None:
    async with opened(Answers(past_runs=(interrupted(),))) as pilot:
        await shows(pilot, "A restore of prod-a is not finished")
        await pilot.press("escape")
        await shows(pilot, "u shows the runs")
        assert isinstance(pilot.app.screen, SnapshotsScreen)
        assert not incident_of(pilot).runs


async def test_a_run_that_changed_nothing_or_succeeded_is_not_offered() -> None:
    fine = interrupted("prove", ended="done")
    async with opened(Answers(past_runs=(fine,))) as pilot:
        await settled(pilot, lambda: case_of(pilot).offered)
        await pilot.pause()
        assert isinstance(pilot.app.screen, SnapshotsScreen)


async def test_roll_back_asks_for_the_clusters_name_first() -> None:
    async with opened(Answers(past_runs=(interrupted(),))) as pilot:
        await shows(pilot, "A restore of prod-a is not finished")
        await pilot.press("R")
        await shows(pilot, "Type the cluster's name")
        await shows(pilot, "the restored data, by the data that was there before the run")
        await typed(pilot, "prod-a")
        await shows(pilot, "Rolled back: the cluster is as it was")
        await settled(pilot, lambda: incident_of(pilot).looks > 1)
        await pilot.press("r")
        await pilot.pause()
        assert len(incident_of(pilot).runs) == 1


async def test_the_runs_screen_tells_how_far_each_run_came() -> None:
    async with opened(Answers(past_runs=(interrupted(),))) as pilot:
        await shows(pilot, "is not finished")
        await pilot.press("l")
        await settled(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        await shows(pilot, "interrupted")
        await shows(pilot, "holds now")
        await pilot.press("l")
        await shows(pilot, "action-started")
        await pilot.press("escape")
        await pilot.press("r")
        await shows(pilot, "Write to the nodes")


async def test_clean_up_is_refused_while_a_run_is_unfinished() -> None:
    async with opened(Answers(past_runs=(interrupted(),))) as pilot:
        await shows(pilot, "is not finished")
        await pilot.press("l")
        await shows(pilot, "holds now")
        await pilot.press("c")
        await shows(pilot, "It cannot: it is not finished")
        assert not incident_of(pilot).cleaned


async def test_clean_up_names_what_it_deletes_and_wants_the_clusters_name() -> None:
    done = interrupted("prove", ended="done")
    async with opened(Answers(past_runs=(done,))) as pilot:
        await pilot.press("u")
        await shows(pilot, "holds now")
        await pilot.press("c")
        await shows(pilot, "Type the cluster's name")
        await shows(pilot, "441 MiB")
        assert "/var/lib/.etcd-rescue-" in text_on_screen(pilot.app)
        await typed(pilot, "prod-b")
        await shows(pilot, "nothing has happened")
        assert not incident_of(pilot).cleaned
        pilot.app.screen.query_one(Input).value = ""
        await typed(pilot, "prod-a")
        await settled(pilot, lambda: incident_of(pilot).cleaned == [done.id])
        await settled(pilot, lambda: done.id in case_of(pilot).cleaned)


async def test_after_a_clean_up_health_does_not_say_any_more_where_the_old_data_lies() -> None:
    async with opened(size=(100, 40)) as pilot:
        await to_recovered(pilot)
        await shows(pilot, "/aside")
        await shows(pilot, "clean up, from the runs")
        case = case_of(pilot)
        assert case.run is not None
        await pilot.press("u")
        await settled(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        case.cleaned.add(case.run.plan.run_id)
        await pilot.press("escape")
        await shows(pilot, "deleted: the run was cleaned up")
        assert "/aside" not in text_on_screen(pilot.app)
        assert "clean up, from the runs" not in text_on_screen(pilot.app)


async def test_a_lock_of_somebody_else_is_told_and_their_run_can_be_watched() -> None:
    answers = Answers(
        script=Script(locked_by=HOLDER), past_runs=(interrupted("prove", ended="done"),)
    )
    async with opened(answers) as pilot:
        await pilot.press("r")
        await settled(pilot, lambda: getattr(pilot.app.screen, "complete", False))
        await pilot.press("w", "enter")
        await shows(pilot, "nothing changed yet")
        await pilot.press("enter")
        await shows(pilot, "Somebody else works on this cluster now")
        assert isinstance(pilot.app.screen, LockedDialog)
        assert "ann@bastion-1" in text_on_screen(pilot.app)
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "watch"
        await pilot.press("enter")
        await settled(pilot, lambda: isinstance(pilot.app.screen, OtherRunScreen))
        await shows(pilot, "action-started")
        await pilot.press("escape")
        await shows(pilot, "Nothing was done: somebody else works")
        assert isinstance(pilot.app.screen, PlanScreen)
        assert case_of(pilot).run is None


async def test_taking_over_must_be_typed_out() -> None:
    async with opened(Answers(script=Script(locked_by=HOLDER))) as pilot:
        await pilot.press("r")
        await settled(pilot, lambda: getattr(pilot.app.screen, "complete", False))
        await pilot.press("w", "enter")
        await shows(pilot, "nothing changed yet")
        await pilot.press("enter")
        await shows(pilot, "Somebody else works")
        await pilot.press("t")
        await shows(pilot, "to go on")
        await typed(pilot, "yes")
        await shows(pilot, "nothing has happened")
        pilot.app.screen.query_one(Input).value = ""
        await typed(pilot, "take over")
        await shows(pilot, "Write to the nodes")


async def test_a_node_that_fails_can_be_left_for_later_where_the_others_are_enough() -> None:
    script = Script(fail_at="set-data-aside", can_go_on_without=True)
    async with opened(Answers(script=script)) as pilot:
        await past_danger(pilot)
        await shows(pilot, "w: without")
        assert isinstance(pilot.app.screen, FailureDialog)
        await pilot.press("w")
        await shows(pilot, "Restart kubelet")


async def test_without_is_no_answer_where_the_others_are_too_few() -> None:
    async with opened(Answers(script=Script(fail_at="set-data-aside"))) as pilot:
        await past_danger(pilot)
        await shows(pilot, "r: retry")
        await pilot.press("w")
        await pilot.pause()
        assert isinstance(pilot.app.screen, FailureDialog)


async def test_what_the_restore_needs_is_skipped_only_by_hand() -> None:
    async with opened(Answers(script=Script(fail_at="set-data-aside"))) as pilot:
        await past_danger(pilot)
        await shows(pilot, "r: retry")
        await pilot.press("s")
        await typed(pilot, "no idea")
        await shows(pilot, "The restore needs this")
        assert isinstance(pilot.app.screen, FailureDialog)


async def test_a_run_can_be_led_back_from_a_failure() -> None:
    async with opened(Answers(script=Script(fail_at="set-data-aside"))) as pilot:
        incident_of(pilot).answers.past_runs = (interrupted(ended="failed"),)
        await past_danger(pilot)
        await shows(pilot, "r: retry")
        await pilot.press("R")
        await shows(pilot, "Type the cluster's name")
        await typed(pilot, "prod-a")
        await shows(pilot, "Rolled back: the cluster is as it was")
