"""What rehearsals have shown outlives the session that made them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from recovery.cluster.facts import Version
from recovery.health.verdicts import failed, ok
from recovery.rehearsal.trial.kept_trials import KeptTrials
from recovery.rehearsal.trial.model import TrialReport

MONDAY, TUESDAY = datetime(2026, 11, 23, 3, 0, tzinfo=UTC), datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
REPORT = TrialReport(
    snapshot="snapshot-etcd-2026-11-22-00_00_00.tar",
    location="etcd-1:/cpaas/backup/snapshot-etcd-2026-11-22-00_00_00.tar",
    etcd_version=Version(3, 5, 16),
    etcd_from="/usr/local/bin",
    stages=(),
    checks=(ok("HashKV", "scratch-1", "1f2e3d4c"),),
    serving_after=1.25,
    seconds=3.5,
)
BAD = replace(REPORT, checks=(failed("HashKV", "scratch-1", "0", "", ""),), serving_after=0.0)


async def test_a_rehearsal_is_known_to_a_later_session_by_what_the_database_holds(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "state"
    await KeptTrials(directory).keep("aa", REPORT, MONDAY)
    later = KeptTrials(directory)
    assert later.of("aa") is None
    await later.read()
    kept = later.of("aa")
    assert kept is not None
    assert (kept.ended_at, kept.passed, kept.serving_after) == (MONDAY, True, 1.25)
    assert (kept.seconds, kept.etcd_version) == (3.5, "3.5.16")
    assert later.of("bb") is None
    await later.keep("", REPORT, TUESDAY)
    assert later.of("") is None
    assert (directory / "trials.jsonl").stat().st_mode & 0o777 == 0o600


async def test_the_last_rehearsal_counts_whatever_the_one_before_has_shown(tmp_path: Path) -> None:
    trials = KeptTrials(tmp_path)
    await trials.keep("aa", REPORT, MONDAY)
    await trials.keep("aa", BAD, TUESDAY)
    later = KeptTrials(tmp_path)
    await later.read()
    for each in (trials, later):
        kept = each.of("aa")
        assert kept is not None
        assert (kept.ended_at, kept.passed) == (TUESDAY, False)


async def test_a_torn_line_takes_no_other_one_with_it(tmp_path: Path) -> None:
    await KeptTrials(tmp_path).keep("aa", REPORT, MONDAY)
    file = tmp_path / "trials.jsonl"
    file.write_bytes(file.read_bytes() + b'{"sha256": "bb", "endedAt": "2026-1\xff')
    await KeptTrials(tmp_path).keep("cc", BAD, TUESDAY)
    later = KeptTrials(tmp_path)
    await later.read()
    assert later.of("aa") is not None
    assert later.of("bb") is None
    assert later.of("cc") is not None


async def test_a_disk_that_takes_nothing_forgets_it_with_the_session(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    trials = KeptTrials(tmp_path / "state")
    await trials.read()
    await trials.keep("aa", REPORT, MONDAY)
    assert trials.of("aa") is not None
