"""Reports are read, written to files and noted upon from the runs; health says where they lie."""

from __future__ import annotations

import shutil
from pathlib import Path

from recovery.restore.journal import JournalEvent, read_journal
from recovery.restore.past_runs import read_run
from recovery.restore.plan import Plan
from tests.report.canned_record import recovered
from tests.screens.canned import Answers, CannedIncident
from tests.screens.canned_checks import canned_leftovers
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import case_of, opened, to_recovered, typed


def one_run(runs: Path) -> tuple[Answers, Path]:
    canned = recovered(runs)
    directory = canned.finish()
    plan: Plan = canned.plan
    assert plan.cluster == "prod-a"
    return Answers(past_runs=(read_run(directory),)), directory


def exports(directory: Path) -> list[Path]:
    return list(directory.glob("report-*.md"))


def exported(directory: Path) -> str:
    (written,) = exports(directory)
    return written.read_text()


async def test_a_report_is_read_from_the_runs(tmp_path: Path) -> None:
    answers, directory = one_run(tmp_path / "runs")
    async with opened(answers) as pilot:
        await pilot.press("u")
        await shows(pilot, "RUNS")
        await pilot.press("p")
        await shows(pilot, "Incident report: cluster prod-a")
        assert "As files:" in text_on_screen(pilot.app)
        assert (directory / "report.html").is_file()
        assert (directory / "report.md").is_file()


async def test_a_report_is_exported_from_the_runs(tmp_path: Path) -> None:
    answers, _ = one_run(tmp_path / "runs")
    async with opened(answers, exports=tmp_path) as pilot:
        await pilot.press("u")
        await shows(pilot, "RUNS")
        await pilot.press("e")
        await shows(pilot, "Written to")
    assert exported(tmp_path).startswith("# Incident report: cluster prod-a")


async def test_a_run_whose_record_is_gone_has_nothing_to_export_and_says_why(
    tmp_path: Path,
) -> None:
    answers, directory = one_run(tmp_path / "runs")
    async with opened(answers, exports=tmp_path) as pilot:
        await pilot.press("u")
        await shows(pilot, "RUNS")
        shutil.move(directory, tmp_path / "elsewhere")
        await pilot.press("e")
        await shows(pilot, "The journal cannot be read")
    assert not exports(tmp_path)


async def test_a_note_goes_into_the_journal_and_an_empty_one_does_not(tmp_path: Path) -> None:
    answers, directory = one_run(tmp_path / "runs")
    async with opened(answers) as pilot:
        await pilot.press("u")
        await shows(pilot, "RUNS")
        await pilot.press("n")
        await shows(pilot, "A note for the report")
        await pilot.press("enter")
        await shows(pilot, "RUNS")
        await pilot.press("n")
        await shows(pilot, "A note for the report")
        await typed(pilot, "the raid controller died")
        await shows(pilot, "The note is in the report.")
    notes = [
        entry.message
        for entry in read_journal(directory / "notes.jsonl")
        if entry.event is JournalEvent.NOTE
    ]
    assert notes == ["the raid controller died"]
    assert "the raid controller died" in (directory / "report.md").read_text()


async def test_health_says_after_a_run_where_the_report_lies_and_what_to_look_at() -> None:
    async with opened(Answers(leftovers=canned_leftovers()), size=(120, 40)) as pilot:
        await to_recovered(pilot)
        await shows(pilot, "report.html")
        await shows(pilot, "findings where the API and the nodes do not agree")
        await pilot.press("l")
        await shows(pilot, "$ kubectl describe node worker-9")


async def test_a_run_is_told_what_was_compared_before_it(tmp_path: Path) -> None:
    async with opened() as pilot:
        await to_recovered(pilot)
        incident = case_of(pilot).incident
        assert isinstance(incident, CannedIncident)
        await settled(pilot, lambda: incident.told is not None)
        assert incident.told is not None
        assert incident.told.acknowledged
