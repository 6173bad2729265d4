"""Home, preflight, plan, health: what they let a person do, and what not."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from recovery.backups.model import Integrity
from recovery.errors import SnapshotError
from recovery.health.model import Check, CheckStatus
from screens.preflight import PreflightScreen
from screens.snapshots import SnapshotsScreen
from tests.screens.canned import Answers, CannedIncident
from tests.screens.canned_checks import canned_health, canned_living_quorum, canned_preflight
from tests.screens.canned_cluster import canned_snapshots
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import (
    at_home,
    canned_app,
    case_of,
    opened,
    past_danger,
    to_plan,
    to_preflight,
    to_recovered,
    typed,
)


async def test_the_newest_that_verifies_is_chosen() -> None:
    newest, second = (item.name for item in canned_snapshots()[:2])
    async with opened(Answers(corrupt=frozenset({newest}))) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, SnapshotsScreen)
        await settled(pilot, lambda: screen.chosen is not None and screen.chosen.name == second)


async def test_the_cursor_stays_where_a_person_put_it() -> None:
    async with opened() as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, SnapshotsScreen)
        await pilot.press("down", "down")
        chosen = screen.chosen
        await pilot.press("a")
        await settled(pilot, lambda: not screen._pane.listing)
        await pilot.pause()
        assert screen.chosen == chosen


async def test_an_unusable_snapshot_says_why_and_is_not_restored() -> None:
    async with opened() as pilot:
        await pilot.press("down", "down", "down")
        await shows(pilot, "Cannot be used: the archive is cut short")
        await pilot.press("r")
        await shows(pilot, "It cannot be used")
        assert isinstance(pilot.app.screen, SnapshotsScreen)


async def test_a_store_that_failed_is_named_and_its_error_can_be_opened() -> None:
    async with opened() as pilot:
        assert "etcd-3:/cpaas/backup: the node does not answer" in text_on_screen(pilot.app)
        await pilot.press("x")
        await shows(pilot, "bring etcd-3 back")


async def test_a_snapshot_that_cannot_be_fetched_does_not_stop_the_others() -> None:
    error = SnapshotError("no copy can be read", where="etcd-1", remedy="try another")
    async with opened(Answers(verify_error=error)) as pilot:
        await shows(pilot, "✖ unusable")
        await pilot.press("enter")
        await shows(pilot, "No copy can be read.")


async def test_finding_narrows_the_table_and_escape_widens_it_again() -> None:
    async with opened() as pilot:
        await pilot.press("slash", "1", "1", "minus", "1", "9")
        await shows(pilot, "1 of 7 files")
        await pilot.press("escape")
        await shows(pilot, "6 in 3 places")


async def test_sorting_by_size_puts_the_largest_first() -> None:
    async with opened() as pilot:
        await pilot.press("s")
        await shows(pilot, "by size")


async def test_outside_text_is_never_markup() -> None:
    wicked = replace(canned_snapshots()[0], reason="[/foo] [bold]\x1b]52;c;aGk=\x07 [red")
    async with opened(Answers(snapshots=(wicked,))) as pilot:
        await shows(pilot, "[/foo] [bold]")
        assert "\x1b" not in text_on_screen(pilot.app)


async def test_a_failed_check_blocks_the_plan() -> None:
    async with opened(Answers(checks=canned_preflight(failed=True))) as pilot:
        await to_preflight(pilot)
        await pilot.press("w", "enter")
        await shows(pilot, "1 failed check blocks")
        assert isinstance(pilot.app.screen, PreflightScreen)


async def test_a_long_explanation_is_read_in_full_by_a_key() -> None:
    remedy = "on etcd-1: " + "; ".join(f"kubeadm certs renew number-{n}" for n in range(18))
    long = Check("etcd certificates", "etcd-1", CheckStatus.FAILED, "expired", "It ends.", remedy)
    async with opened(Answers(checks=(long,))) as pilot:
        await to_preflight(pilot)
        await shows(pilot, "i: read it in full")
        assert "number-17" not in text_on_screen(pilot.app)
        await pilot.press("i")
        await shows(pilot, "number-17")


async def test_a_warning_must_be_acknowledged_before_the_plan() -> None:
    async with opened() as pilot:
        await to_preflight(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, PreflightScreen)
        await pilot.press("w", "enter")
        await shows(pilot, "nothing changed yet")


async def test_a_living_cluster_is_rolled_back_only_after_a_second_yes() -> None:
    async with opened(Answers(checks=(*canned_preflight(), canned_living_quorum()))) as pilot:
        await to_preflight(pilot)
        await pilot.press("w", "enter")
        await shows(pilot, "The cluster is not lost")
        await pilot.press(*"prod-a", "enter")
        await shows(pilot, "is not it: nothing has happened")
        await pilot.press("escape")
        await shows(pilot, "make the plan")
        assert isinstance(pilot.app.screen, PreflightScreen)
        await pilot.press("enter")
        await shows(pilot, "The cluster is not lost")
        await pilot.press(*"roll", "space", *"back", "enter")
        await shows(pilot, "nothing changed yet")


async def test_checks_that_broke_off_unforeseen_allow_no_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(*_: object) -> tuple[Check, ...]:
        raise ZeroDivisionError

    monkeypatch.setattr(CannedIncident, "preflight", broken)
    async with opened() as pilot:
        await pilot.press("r")
        await shows(pilot, "did not foresee")
        await pilot.press("escape", "enter")
        await shows(pilot, "did not come to an end")
        assert isinstance(pilot.app.screen, PreflightScreen)


async def test_a_resource_is_named_whole_where_its_bar_can_be_shorter() -> None:
    async with opened(size=(120, 36)) as pilot:
        await pilot.press("enter")
        await shows(pilot, "apps.example.com/widgets")


async def test_a_corrupt_snapshot_has_no_plan() -> None:
    newest = replace(canned_snapshots()[0], integrity=Integrity.UNVERIFIED)
    answers = Answers(snapshots=(newest,), corrupt=frozenset({newest.name}))
    async with opened(answers) as pilot:
        await pilot.press("r")
        await shows(pilot, "It cannot be used")
        assert isinstance(pilot.app.screen, SnapshotsScreen)


async def test_the_plan_shows_the_script_its_way_back_and_the_diff() -> None:
    async with opened(size=(160, 48)) as pilot:
        await to_plan(pilot)
        await pilot.press(*["down"] * 4, "right", "down", "right", "down")
        await shows(pilot, "run mv /var/lib/etcd/member")
        await shows(pilot, "The way back")
        await pilot.press("d")
        await shows(pilot, "+    - --initial-cluster-state=existing")


async def test_the_plan_is_exported_as_a_runbook(tmp_path: Path) -> None:
    async with opened(exports=tmp_path) as pilot:
        await to_plan(pilot)
        await pilot.press("e")
        await shows(pilot, "Written to")
    assert "systemctl stop kubelet" in written(tmp_path)


async def test_recovered_is_said_only_when_every_check_holds(tmp_path: Path) -> None:
    answers = Answers(reports=[canned_health(starting=True)])
    async with opened(answers, exports=tmp_path) as pilot:
        await past_danger(pilot)
        await shows(pilot, "Restart kubelet")
        await pilot.press("y")
        await shows(pilot, "WAITING for API server readyz")
        assert "RECOVERED" not in text_on_screen(pilot.app)
        answers.reports.append(canned_health())
        await shows(pilot, "RECOVERED 3/3")
        await pilot.press("e")
        await shows(pilot, "Written to")
    assert "RECOVERED 3/3" in written(tmp_path)


async def test_a_healthy_cluster_without_a_run_is_healthy_not_recovered() -> None:
    async with opened() as pilot:
        await pilot.press("h")
        await shows(pilot, "HEALTHY 3/3")
        assert "RECOVERED" not in text_on_screen(pilot.app)


async def test_copying_reaches_the_clipboard() -> None:
    async with opened() as pilot:
        await pilot.press("y")
        await shows(pilot, "Copied")
        assert pilot.app.clipboard.startswith("etcd-1:/cpaas/backup/snapshot-etcd-2026-11-22")


async def test_an_unforeseen_error_goes_to_the_log_and_a_dialog_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with opened() as pilot:
        answers = case_of(pilot).incident.answers  # type: ignore[attr-defined]
        answers.look_error = ValueError("secret internals")
        with caplog.at_level(logging.ERROR):
            await pilot.press("a")
            await shows(pilot, "did not foresee")
        assert "secret internals" not in text_on_screen(pilot.app)
        assert "secret internals" in caplog.text


async def test_the_palette_offers_what_the_screen_can_do() -> None:
    async with opened() as pilot:
        await pilot.press("ctrl+p")
        await shows(pilot, "Check whether it can be restored")
        await typed(pilot, "light")
        await settled(pilot, lambda: pilot.app.theme == "rescue-light")


async def test_ascii_terminals_get_nothing_but_ascii() -> None:
    async with opened(ascii_only=True) as pilot:
        await to_recovered(pilot)
        drawn = text_on_screen(pilot.app)
        assert drawn.isascii()
        assert "+ RECOVERED 3/3" in drawn


async def test_quitting_at_rest_needs_no_question() -> None:
    async with opened() as pilot:
        await pilot.press("q")
        await settled(pilot, lambda: pilot.app.return_value == 0)


def written(directory: Path) -> str:
    """The only file in the directory, which only its owner may read."""
    (path,) = directory.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_text()


async def test_while_there_is_no_quorum_what_members_hold_stands_above_the_backups() -> None:
    async with opened() as pilot:
        await shows(pilot, "etcd-1's data")
        await at_home(pilot)
        await pilot.press("home")
        await shows(pilot, "1 204 revisions newer than the newest good backup")
        await shows(pilot, "No backup: the newest state that is left.")
        incident = case_of(pilot).incident
        assert isinstance(incident, CannedIncident)
        incident.restored = True
        await pilot.press("a")
        await settled(pilot, lambda: "etcd-1's data" not in text_on_screen(pilot.app))


async def test_escape_stops_what_is_being_read_at_home() -> None:
    async with opened(pace=0.5) as pilot:
        case = case_of(pilot)
        await settled(pilot, lambda: bool(case.moving))
        await pilot.press("escape")
        await settled(pilot, lambda: not case.moving)
        assert case.judged == {}


async def test_escape_stops_what_is_being_read_of_one_snapshot() -> None:
    async with opened(pace=3.0) as pilot:
        case = case_of(pilot)
        await settled(pilot, lambda: bool(case.moving))
        await pilot.press("escape")
        await settled(pilot, lambda: not case.moving)
        await pilot.press("enter")
        await settled(pilot, lambda: bool(case.moving))
        await pilot.press("escape")
        await settled(pilot, lambda: not case.moving)
        assert isinstance(pilot.app.screen, SnapshotsScreen)


async def test_of_a_backup_with_a_file_from_each_node_one_stands_for_all() -> None:
    first = canned_snapshots()[0]
    (copy, *_) = first.copies
    name = first.name.replace("10.0.0.11", "10.0.0.13")
    other = replace(first, name=name, copies=(replace(copy, path=f"/b/{name}", node="etcd-3"),))
    async with opened(Answers(snapshots=(first, other))) as pilot:
        await at_home(pilot)
        await shows(pilot, "1 in 3 places")
        await shows(pilot, "1 2 3 S3")
        await pilot.press("slash", "3")
        await shows(pilot, "of 2 files")


async def test_at_120_columns_the_number_of_nodes_is_whole_beside_long_names() -> None:
    app = canned_app(names=("prod-a", "edge-with-a-very-long-name-in-europe"))
    async with app.run_test(size=(120, 36)) as pilot:
        await shows(pilot, "3 control-plane nodes")


async def test_clusters_tell_their_newest_backup_and_verify_it_by_a_key() -> None:
    app = canned_app(names=("prod-a", "prod-b"))
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "14 h, not verified")
        await pilot.press("down", "v")
        await shows(pilot, "● 14 h ago")
        assert "14 h, not verified" in text_on_screen(app)
        await pilot.press("i")
        await shows(pilot, "Diagnosis of prod-b")
