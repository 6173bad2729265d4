"""The report tells somebody who was not there what happened, however the run ended."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from recovery.health.leftovers import Leftover, LeftoverKind, Leftovers
from recovery.report.html import report_html
from recovery.report.markdown import code, fenced, plain, report_markdown
from recovery.report.model import Part, Report
from recovery.report.shown import HEAD_LINES, TAIL_LINES, cut_output, output_text
from recovery.report.writing import HTML_NAME, MARKDOWN_NAME, read_report, write_report
from recovery.restore.events import Stream
from recovery.restore.journal import JOURNAL_NAME, JournalEntry, JournalEvent, read_journal
from recovery.restore.node_log import LogLine
from recovery.restore.past_runs import RunState
from recovery.restore.record_facts import BEFORE_NAME
from recovery.restore.run_record import PLAN_NAME
from tests.report.canned_record import CannedRecord, killed, led_back, recovered


def both(report: Report) -> tuple[str, str]:
    return report_markdown(report), report_html(report)


def test_a_run_that_went_well_tells_everything_a_reader_asks_for(tmp_path: Path) -> None:
    report = read_report(recovered(tmp_path).finish())
    assert report.summary.verdict == "Recovered"
    for text in both(report):
        for words in (
            "prod-a",
            "ann@bastion-1",
            "the disk of etcd-2 died",
            "QUORUM LOST 1/3",
            "snapshot-etcd-20261122-000000-10.0.0.11.tar",
            "ab" * 32,
            "1\u00a0204 revisions",
            "4 created since and gone",
            "the API goes down now",
            "systemctl stop kubelet",
            "8a4177e0 on all members",
            "The API was down for",
            f"/var/lib/.etcd-rescue-{report.run_id}/aside",
            f"/root/etcd-rescue/{report.run_id}/kubernetes",
            f"runs clean {report.run_id} --confirm {report.cluster}",
        ):
            assert words in text or plain(words) in text, words


def test_the_api_is_down_from_the_stop_of_the_majority_to_ready_servers(tmp_path: Path) -> None:
    canned = recovered(tmp_path)
    report = read_report(canned.finish())
    entries = canned.record.directory
    (outage,) = report.outages
    journal = [e for e in read_entries(entries) if e.action == "stop-kubelet"]
    second = [e for e in journal if e.event is JournalEvent.ACTION_STARTED][1]
    ready = [e for e in read_entries(entries) if e.action == "control-plane-ready"]
    ended = [e for e in ready if e.event is JournalEvent.ACTION_ENDED][1]
    assert (outage.began_at, outage.ended_at) == (second.at, ended.at)
    first, last = read_entries(entries)[0], read_entries(entries)[-1]
    assert report.total_seconds == (int(last.at[17:19]) - int(first.at[17:19])) + 60 * (
        int(last.at[14:16]) - int(first.at[14:16])
    )


def test_a_killed_run_has_a_report_that_says_what_nobody_knows(tmp_path: Path) -> None:
    report = read_report(killed(tmp_path).finish())
    assert report.state is RunState.INTERRUPTED
    assert not report.summary.good
    assert report.outages[0].ended_at is None
    text = report_markdown(report)
    assert "how it ended was not written down" in text
    assert "was killed, or it still runs" in text
    assert "not seen ready since" in text
    assert f"runs resume {report.run_id} --confirm {report.cluster}`" in text
    assert f"runs rollback {report.run_id} --confirm {report.cluster}`" in text
    assert "the final checks were not reached" in text


def test_a_run_that_others_led_back_is_one_story(tmp_path: Path) -> None:
    report = read_report(led_back(tmp_path).finish())
    assert report.state is RunState.ROLLED_BACK
    assert [program.part for program in report.programs] == [Part.STARTED, Part.ROLLED_BACK]
    assert report.operators == ("ann@bastion-1", "bob@bastion-2")
    assert report.programs[1].reason == "we wait for a newer backup"
    assert report.programs[1].consents[0].by == "bob@bastion-2"
    assert report.outages[0].ended_at is not None
    text = report_markdown(report)
    assert "Nothing that was there before" in text
    assert "bring the old data back" in text


def test_a_resumed_run_says_what_had_been_done_before(tmp_path: Path) -> None:
    canned = killed(tmp_path)
    canned.begin(JournalEvent.RUN_RESUMED, "bob@bastion-2")
    for step in canned.plan.steps:
        before = step.id in ("preflight", "stage", "restore", "stop", "manifest")
        canned.step(step, "already-done" if before else "done")
    canned.end("done")
    report = read_report(canned.finish())
    assert report.summary.verdict == "Restored, not proven healthy"
    resumed = report.programs[1]
    assert [step.id for step in resumed.steps if step.nothing_to_do][:2] == ["preflight", "stage"]
    assert any(moment.words.startswith("Done before: “") for moment in report.timeline)
    (outage,) = report.outages
    assert outage.ended_at is not None


def test_failures_retries_and_decisions_are_told_in_order(tmp_path: Path) -> None:
    canned = CannedRecord(tmp_path / "20261122-140000-7f3a")
    canned.begin()
    canned.until("restore")
    step = canned.plan.step("restore")
    canned.write(JournalEvent.STEP_STARTED, step=step.id)
    canned.action(step, step.actions[0], "failed")
    canned.write(
        JournalEvent.DECISION, step=step.id, action=step.actions[0].id, node="etcd-1",
        outcome="retry", message="made room",
    )  # fmt: skip
    canned.action(step, step.actions[0], "done")
    canned.write(JournalEvent.STEP_ENDED, step=step.id, outcome="done")
    canned.write(JournalEvent.NOTE, operator="bob@bastion-2", message="etcd-2 has a new disk")
    canned.end("aborted")
    report = read_report(canned.finish())
    words = [moment.words for moment in report.faults]
    assert sum("failed: the script ended with status 1: no room" in each for each in words) == 3
    assert any("decided to try again (made room)" in each for each in words)
    assert sum("was done at try 2" in each for each in words) == 3
    assert report.outages == ()
    assert "was not touched" in " ".join(report.summary.done)
    assert any("noted: etcd-2 has a new disk" in moment.words for moment in report.timeline)


def test_outputs_stand_beside_their_commands_and_whole_at_the_end(tmp_path: Path) -> None:
    report = read_report(recovered(tmp_path).finish())
    stop = next(step for step in report.programs[0].steps if step.id == "stop")
    kubelet = next(action for action in stop.actions if action.id == "stop-kubelet")
    assert [one.output[0].text for one in kubelet.tries] == ["do stop-kubelet"] * 3
    assert [log.node for log in report.logs] == ["etcd-1", "etcd-2", "etcd-3", "worker-1"]


def test_a_long_output_is_cut_in_its_middle_and_says_so() -> None:
    lines = tuple(LogLine("14:00:00Z", Stream.OUT, f"line {n}") for n in range(500))
    text = output_text(cut_output(lines))
    assert len(text.splitlines()) == HEAD_LINES + TAIL_LINES + 1
    assert "460 lines are left out" in text
    assert text.endswith("line 499")


def test_a_record_with_holes_still_makes_a_report_and_names_them(tmp_path: Path) -> None:
    directory = killed(tmp_path).finish()
    (directory / PLAN_NAME).write_text("{")
    (directory / BEFORE_NAME).write_text("[]")
    report = read_report(directory)
    assert len(report.unread) == 2
    for text in both(report):
        assert "cannot be read" in text
        assert "set-data-aside" in text


def test_leftovers_come_with_their_commands(tmp_path: Path) -> None:
    canned = recovered(tmp_path)
    found = Leftover(
        LeftoverKind.NODE_SILENT, "worker-9 is in the API, and does not report", "It may be gone.",
        ("kubectl describe node worker-9",),
    )  # fmt: skip
    canned.record.keep_leftovers(Leftovers("2026-11-22T14:05:00Z", (found,), ("x: no answer",)))
    for text in both(read_report(canned.finish())):
        assert "kubectl describe node worker-9" in text
        assert "x: no answer" in text


def test_both_files_are_written_for_their_owner_alone(tmp_path: Path) -> None:
    directory = recovered(tmp_path).finish()
    assert [path.name for path in write_report(directory)] == [MARKDOWN_NAME, HTML_NAME]
    for name in (MARKDOWN_NAME, HTML_NAME):
        assert (directory / name).stat().st_mode & 0o077 == 0
    assert not [path for path in directory.iterdir() if path.name.startswith(".report")]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_html_file_needs_nothing_else_and_runs_nothing(tmp_path: Path) -> None:
    canned = CannedRecord(tmp_path / "20261122-140000-7f3a")
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}'
    canned.begin(operator=evil, reason=evil)
    canned.record._log("etcd-1", [evil, "```", "| a | b |"])
    canned.end("failed", evil)
    markdown, html = both(read_report(canned.finish()))
    tags = _Tags()
    tags.feed(html)
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "img", "link", "iframe", "object"}
    for _, attributes in tags.seen:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert attributes.get("href", "#").startswith("#")  # type: ignore[union-attr]
    assert "url(" not in html
    assert "{{ 7*7 }}" in html
    assert "\\<script\\>" in markdown


@pytest.mark.parametrize("text", ["a `b` ``c``", "`", "x"])
def test_a_code_span_cannot_be_left(text: str) -> None:
    span = code(text)
    ticks = re.match("`+", span)
    assert ticks is not None
    assert ticks[0] not in text
    assert span.endswith(ticks[0])


def test_a_fence_is_longer_than_what_is_in_it() -> None:
    assert fenced("```\nend").startswith("````\n")


def read_entries(directory: Path) -> tuple[JournalEntry, ...]:
    return read_journal(directory / JOURNAL_NAME)
