"""A snapshot that is tried serves what its file holds, or the report says what does not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recovery.errors import DiskError, SnapshotError
from recovery.health.model import CLUSTER_SCOPE, CheckStatus
from recovery.rehearsal.trial.model import StageReport, StageState, TrialReport, TrialStage
from recovery.rehearsal.trial.scratch_directory import require_space
from recovery.rehearsal.trial.trial import try_snapshot
from tests.cluster_fixtures import CHECKOUT, clean_environment, processes_of
from tests.rehearsal.trials import (
    check_of,
    etcd_directory,
    failures,
    fetched,
    nothing_is_left,
    restorer_name,
    restores_another,
    statuses,
)
from tests.rehearsal.waiting import wait_for
from tests.snapshots.conftest import History, history
from tests.snapshots.lone_etcd import LoneEtcd, programs

__all__ = ["history"]

MEMBERS = ("scratch-1", "scratch-2", "scratch-3")
PER_MEMBER = (
    "restored",
    "answers a read",
    "has a vote",
    "revision",
    "number of keys",
    "HashKV",
)


async def tried(database: Path, cache: Path, etcd_dir: Path | None = None) -> TrialReport:
    report = await try_snapshot(await fetched(database), cache, etcd_dir=etcd_dir or programs())
    assert nothing_is_left(cache)
    return report


@pytest.mark.parametrize("name", ["empty", "lived"])
async def test_a_good_snapshot_serves_on_three_members(
    history: History, name: str, tmp_path: Path
) -> None:
    """Without any key; and with leases, huge values, keys that are not Kubernetes'."""
    database: Path = getattr(history, name)
    report = await tried(database, tmp_path)
    assert report.passed
    assert set(statuses(report).values()) == {CheckStatus.OK}
    assert {scope for scope, _ in statuses(report)} == {*MEMBERS, CLUSTER_SCOPE}
    assert all((member, check) in statuses(report) for member in MEMBERS for check in PER_MEMBER)
    assert all(check.meaning for check in report.checks)
    assert [stage.stage for stage in report.stages] == list(TrialStage)
    assert {stage.state for stage in report.stages} == {StageState.DONE}
    assert 0 < report.serving_after < report.seconds
    assert report.sentence.startswith(f"It serves: 3 members, {report.keys} keys, revision ")


async def test_an_alarm_inside_is_told_and_does_not_fail_the_reading(
    history: History, tmp_path: Path
) -> None:
    report = await tried(history.compacted, tmp_path)
    assert report.passed
    alarms = check_of(report, CLUSTER_SCOPE, "alarms")
    assert alarms.status is CheckStatus.WARNING
    assert "NOSPACE" in alarms.message
    assert statuses(report)[CLUSTER_SCOPE, "a write"] is CheckStatus.SKIPPED
    assert statuses(report)[CLUSTER_SCOPE, "every key"] is CheckStatus.OK


async def test_a_members_own_database_without_a_hash_serves(tmp_path: Path) -> None:
    with LoneEtcd(tmp_path) as etcd:
        etcd.put("/registry/pods/default/one", "v")
    report = await tried(etcd.database, tmp_path / "cache")
    assert report.passed
    assert report.keys == 1


@pytest.mark.parametrize("name", ["guarded", "own"])
async def test_where_authentication_is_on_the_hash_still_tells(
    history: History, name: str, tmp_path: Path
) -> None:
    report = await tried(getattr(history, name), tmp_path)
    assert report.passed
    found = statuses(report)
    assert all(found[member, "HashKV"] is CheckStatus.OK for member in MEMBERS)
    assert all(found[member, "number of keys"] is CheckStatus.SKIPPED for member in MEMBERS)
    assert "authentication" in check_of(report, CLUSTER_SCOPE, "every key").message


async def test_a_corrupt_alarm_inside_is_told(tmp_path: Path) -> None:
    with LoneEtcd(tmp_path) as etcd:
        etcd.put("/registry/pods/default/one", "v")
        etcd.ask("maintenance/alarm", action="ACTIVATE", memberID="4711", alarm="CORRUPT")
        snapshot = etcd.save(tmp_path / "corrupt.db")
    report = await tried(snapshot, tmp_path / "cache")
    assert report.passed
    assert "CORRUPT" in check_of(report, CLUSTER_SCOPE, "alarms").message


async def test_keys_whose_leases_run_out_meanwhile_are_no_difference(tmp_path: Path) -> None:
    """As the leases of the API servers do, which live for seconds."""
    with LoneEtcd(tmp_path) as etcd:
        lease = etcd.ask("lease/grant", TTL=1)["ID"]
        etcd.put("/registry/masterleases/10.0.0.1", "v", lease=lease)
        etcd.put("/registry/pods/default/one", "v")
        snapshot = etcd.save(tmp_path / "leased.db")
    report = await tried(snapshot, tmp_path / "cache")
    assert report.passed


async def test_one_changed_value_on_one_member_is_found_and_named(
    history: History, tmp_path: Path
) -> None:
    """Keys, revisions and counts are the same: only the hash tells."""
    forged = tmp_path / "forged.db"
    forged.write_bytes(history.lived.read_bytes().replace(b"pod 7 x", b"pod 7 y"))
    directory = etcd_directory(tmp_path / "etcd", **restores_another("scratch-2", forged))
    report = await tried(history.lived, tmp_path / "cache", directory)
    assert not report.passed
    assert failures(report) == [("scratch-2", "HashKV")]
    assert "one check failed" in report.sentence


async def test_another_snapshot_on_one_member_is_found_and_keys_are_named(
    history: History, tmp_path: Path
) -> None:
    directory = etcd_directory(tmp_path / "etcd", **restores_another("scratch-1", history.small))
    report = await tried(history.lived, tmp_path / "cache", directory)
    assert ("scratch-1", "revision") in failures(report)
    assert not any(scope in {"scratch-2", "scratch-3"} for scope, _ in failures(report))


async def test_an_etcd_that_ends_gives_a_report_with_its_last_words(
    history: History, tmp_path: Path
) -> None:
    script = """
[ "$1" != --version ] || exec "$REAL" --version
echo '{"level":"info","msg":"starting"}'
printf '{"level":"panic","msg":"failed to recover \\\\u001b[31mthe store","error":"bad index"}\\n'
exit 2"""
    directory = etcd_directory(tmp_path / "etcd", etcd=script)
    report = await tried(history.small, tmp_path / "cache", directory)
    assert not report.passed
    assert report.serving_after == 0
    assert [scope for scope, _ in failures(report)] == list(MEMBERS)
    answer = check_of(report, "scratch-1", "answers a read")
    assert answer.message.endswith("panic: failed to recover the store: bad index")
    assert "info: starting" in report.log
    assert report.stages[3].state is StageState.FAILED
    assert "does not start" in report.sentence


async def test_a_tool_that_does_not_take_the_snapshot_gives_a_report(
    history: History, tmp_path: Path
) -> None:
    script = "echo 'Error: snapshot file has no hash' >&2; exit 1"
    directory = etcd_directory(tmp_path / "etcd", **{restorer_name(): script})
    report = await tried(history.small, tmp_path / "cache", directory)
    assert failures(report) == [(member, "restored") for member in MEMBERS]
    assert "Error: snapshot file has no hash" in report.checks[0].message
    assert report.stages[3].state is StageState.WAITING


async def test_a_corrupt_snapshot_is_refused(history: History, tmp_path: Path) -> None:
    corrupt = tmp_path / "corrupt.db"
    content = bytearray(history.lived.read_bytes())
    content[-1] ^= 1
    corrupt.write_bytes(content)
    with pytest.raises(SnapshotError, match="corrupt"):
        await tried(corrupt, tmp_path / "cache")


async def test_every_stage_is_told_as_it_goes(history: History, tmp_path: Path) -> None:
    heard: list[StageReport] = []
    await try_snapshot(
        await fetched(history.lived), tmp_path, etcd_dir=programs(), on_stage=heard.append
    )
    ended = [report.stage for report in heard if report.state is StageState.DONE]
    begun = [report.stage for report in heard if report.state is StageState.RUNNING]
    assert ended == list(TrialStage)
    assert list(dict.fromkeys(begun)) == list(TrialStage)
    compared = [report for report in heard if report.stage is TrialStage.COMPARE]
    assert compared[-1].done == compared[-1].total > 0


async def test_the_users_own_etcd_settings_change_nothing(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETCD_DATA_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("ETCD_AUTO_COMPACTION_RETENTION", "nonsense")
    monkeypatch.setenv("ETCDCTL_API", "2")
    assert (await tried(history.small, tmp_path / "cache")).passed


async def test_a_long_way_to_the_cache_is_no_hindrance(history: History, tmp_path: Path) -> None:
    """A socket's path may have 107 bytes."""
    assert (await tried(history.small, tmp_path / ("deep" * 30))).passed


async def test_nobody_else_can_reach_the_members(history: History, tmp_path: Path) -> None:
    """The values of a cluster are secret; on a bastion there are others."""
    seen: list[tuple[int, list[str]]] = []

    def look(report: StageReport) -> None:
        if report.stage is TrialStage.COMPARE and not seen:
            (directory,) = (tmp_path / "trials").iterdir()
            modes = directory.stat().st_mode & 0o777
            seen.append((modes, list(processes_of(directory).values())))

    await try_snapshot(await fetched(history.small), tmp_path, etcd_dir=programs(), on_stage=look)
    ((mode, commands),) = seen
    assert mode == 0o700
    assert len(commands) == 3
    assert not any("http" in command for command in commands)


@pytest.mark.parametrize("stage", [TrialStage.READ, TrialStage.RESTORE, TrialStage.START])
async def test_cancelling_leaves_nothing(
    history: History, stage: TrialStage, tmp_path: Path
) -> None:
    reached = asyncio.Event()

    def listen(report: StageReport) -> None:
        if report.stage is stage:
            reached.set()

    snapshot = await fetched(history.lived)
    trial = asyncio.create_task(
        try_snapshot(snapshot, tmp_path, etcd_dir=programs(), on_stage=listen)
    )
    async with asyncio.timeout(20):
        await reached.wait()
    (directory,) = (tmp_path / "trials").iterdir()
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert nothing_is_left(tmp_path)
    assert not processes_of(directory)


_TRY = """
import asyncio, sys
from pathlib import Path
from recovery.rehearsal.trial.model import TrialStage
from recovery.rehearsal.trial.trial import try_snapshot
from tests.rehearsal.trials import fetched
from tests.snapshots.lone_etcd import programs
def listen(report):
    if report.stage is TrialStage.COMPARE:
        print("serving", flush=True)
        sys.stdin.read()
async def main():
    snapshot = await fetched(Path(sys.argv[1]))
    await try_snapshot(snapshot, Path(sys.argv[2]), etcd_dir=programs(), on_stage=listen)
asyncio.run(main())
"""


def _kill_a_trial(snapshot: Path, cache: Path) -> Path:
    """SIGKILL a process in the middle of a trial; the directory that it leaves."""
    with subprocess.Popen(
        [sys.executable, "-c", _TRY, str(snapshot), str(cache)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env=clean_environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "serving\n"
        (directory,) = (cache / "trials").iterdir()
        assert len(processes_of(directory)) == 3
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    wait_for(lambda: not processes_of(directory), "the members to end with their parent")
    return directory


async def test_what_a_killed_trial_leaves_is_removed_by_the_next_one(
    history: History, tmp_path: Path
) -> None:
    directory = await asyncio.to_thread(_kill_a_trial, history.small, tmp_path)
    assert directory.exists()
    assert (await tried(history.small, tmp_path)).passed
    assert not directory.exists()


async def test_the_directory_of_a_trial_that_runs_is_left_alone(
    history: History, tmp_path: Path
) -> None:
    snapshot = await fetched(history.small)
    reports = await asyncio.gather(
        *(try_snapshot(snapshot, tmp_path, etcd_dir=programs()) for _ in range(2))
    )
    assert all(report.passed for report in reports)
    assert nothing_is_left(tmp_path)


def test_too_little_room_is_told_before_anything_begins(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"the trial needs \d+\.\d GiB of disk") as caught:
        require_space(tmp_path, 1 << 50)
    assert "make room" in caught.value.remedy
    assert os.fspath(tmp_path) == caught.value.where
