"""Tries a snapshot: restores it into a scratch cluster on this machine and proves that it serves.

Touches no node; at most it fetches etcd's programs from one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.backups.model import Integrity
from recovery.errors import EtcdError, SnapshotError
from recovery.health.model import Check, CheckStatus
from recovery.rehearsal.trial import judging
from recovery.rehearsal.trial.asking import (
    MemberAnswers,
    ask_member,
    compare_keys,
    write_everywhere,
)
from recovery.rehearsal.trial.finding_programs import find_programs
from recovery.rehearsal.trial.model import StageState, TrialReport, TrialStage
from recovery.rehearsal.trial.programs import TrialPrograms, parse_version
from recovery.rehearsal.trial.scratch_cluster import ScratchCluster
from recovery.rehearsal.trial.scratch_directory import (
    ScratchDirectory,
    require_space,
    scratch_directory,
)
from recovery.rehearsal.trial.stages import OnStage, RunningStage, Stages
from recovery.snapshots.live_keys import LiveKeys, list_live_keys
from recovery.snapshots.model import FetchedSnapshot, SnapshotContents

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession


async def try_snapshot(
    fetched: FetchedSnapshot,
    cache: Path,
    *,
    etcd_dir: Path | None = None,
    nodes: Callable[[], Sequence[NodeSession]] = tuple,
    on_stage: OnStage | None = None,
) -> TrialReport:
    """Restore a snapshot into three scratch members, start them, and compare what they serve.

    Everything lies in a private directory below `cache`, and is gone at the end, also where this
    is cancelled. `etcd_dir` names the programs to use; `nodes` gives sessions to nodes that may
    have them, and is called only where this machine has none. A snapshot that etcd does not start
    from gives a report with failed checks. Raises SnapshotError where it is corrupt, RehearsalError
    where there is no etcd to try it with, DiskError where there is no room.
    """
    began = time.monotonic()
    contents = _contents(fetched)
    stages = Stages(on_stage)
    with stages.begun(TrialStage.PROGRAMS) as stage:
        programs = await _find(contents, cache, etcd_dir, nodes, stage)
    with scratch_directory(cache) as directory:
        require_space(directory.path, fetched.size)
        trial = _Trial(fetched, contents, programs, directory, stages)
        await trial.run()
        with stages.begun(TrialStage.CLEAN) as stage:
            await asyncio.to_thread(directory.remove)
            stage.says("nothing is left of it")
    return trial.report(time.monotonic() - began)


class _Trial:
    """One trial, from the file to the checks."""

    def __init__(
        self,
        fetched: FetchedSnapshot,
        contents: SnapshotContents,
        programs: TrialPrograms,
        directory: ScratchDirectory,
        stages: Stages,
    ) -> None:
        self._fetched = fetched
        self._contents = contents
        self._programs = programs
        self._directory = directory
        self._stages = stages
        self._checks: list[Check] = []
        self._live: LiveKeys | None = None
        self._serving_after = 0.0
        self._cluster = ScratchCluster(
            programs,
            directory,
            fetched.database,
            fetched.size,
            has_hash=fetched.verdict.integrity is Integrity.VERIFIED,
        )

    async def run(self) -> None:
        """All of it but the clean-up."""
        live = self._live = await self._read()
        began = time.monotonic()
        if not await self._restore():
            return
        async with self._cluster.running():
            if await self._start():
                self._serving_after = time.monotonic() - began
                await self._compare(live)

    def report(self, seconds: float) -> TrialReport:
        """What it has shown."""
        live = self._live
        logs = (f"{one.name}:\n{one.log}" for one in self._cluster.members if one.log)
        return TrialReport(
            snapshot=self._fetched.name,
            location=self._fetched.location,
            etcd_version=self._programs.version,
            etcd_from=self._programs.origin,
            stages=self._stages.reports,
            checks=tuple(self._checks),
            serving_after=self._serving_after,
            seconds=seconds,
            members=len(self._cluster.members),
            keys=live.count if live else 0,
            revision=live.revision if live else 0,
            hash_kv=live.hash_kv if live else 0,
            log="\n\n".join(logs),
        )

    async def _read(self) -> LiveKeys:
        with self._stages.begun(TrialStage.READ) as stage:
            listing = self._directory.path / "keys"
            live = await list_live_keys(self._fetched.database, listing, stage.moved)
            stage.says(f"{live.count} keys, HashKV {live.hash_kv:08x}")
        return live

    async def _restore(self) -> bool:
        with self._stages.begun(TrialStage.RESTORE) as stage:
            await self._cluster.restore(stage.moved)
            checks = judging.restore_checks(self._cluster.members)
            return self._judged(stage, checks, "from the same file, with the same token")

    async def _start(self) -> bool:
        with self._stages.begun(TrialStage.START) as stage:
            await self._cluster.wait_until_serving()
            checks = judging.serving_checks(self._cluster.members)
            return self._judged(stage, checks, "all of them answer reads")

    async def _compare(self, live: LiveKeys) -> None:
        with self._stages.begun(TrialStage.COMPARE) as stage:
            stage.says("the hash of every member")
            guarded = self._contents.auth_enabled
            asking = (ask_member(one, live, guarded=guarded) for one in self._cluster.members)
            answers: list[MemberAnswers] = await asyncio.gather(*asking)
            checks = [
                *judging.member_checks(answers, self._contents, live),
                *judging.cluster_checks(answers, self._contents, self._programs.version),
            ]
            stage.says("every key of the cluster")
            checks.append(await self._compare_keys(live, stage))
            checks.append(
                judging.no_write_check(self._contents)
                or judging.write_check(await write_everywhere(self._cluster.members))
            )
            self._judged(stage, checks, f"{live.count} keys and {len(checks)} answers")

    async def _compare_keys(self, live: LiveKeys, stage: RunningStage) -> Check:
        if self._contents.auth_enabled:
            return judging.keys_guarded()
        try:
            async with self._cluster.members[0].connected() as client:
                return judging.key_check(await compare_keys(client, live, stage.moved), live)
        except EtcdError as error:
            return judging.keys_unread(error.what)

    def _judged(self, stage: RunningStage, checks: Iterable[Check], words: str) -> bool:
        """Keep the checks, and say at the stage what came of them; whether none failed."""
        made = tuple(checks)
        self._checks.extend(made)
        bad = [check for check in made if check.status is CheckStatus.FAILED]
        if bad:
            stage.ended(StageState.FAILED, f"{bad[0].scope}: {bad[0].name}: {bad[0].message}")
        else:
            stage.says(words)
        return not bad


def _contents(fetched: FetchedSnapshot) -> SnapshotContents:
    """What was read of the snapshot; SnapshotError where it is corrupt."""
    contents = fetched.verdict.contents
    if contents is None or fetched.verdict.integrity is Integrity.CORRUPT:
        raise SnapshotError(
            f"this snapshot is corrupt: {fetched.verdict.reason or 'it cannot be read'}",
            where=fetched.location,
            remedy="choose another one; `etcd-rescue verify --all` tells which are good",
        )
    return contents


async def _find(
    contents: SnapshotContents,
    cache: Path,
    etcd_dir: Path | None,
    nodes: Callable[[], Sequence[NodeSession]],
    stage: RunningStage,
) -> TrialPrograms:
    def told(words: str, done: int, total: int) -> None:
        stage.says(words)
        if total:
            stage.moved(done, total)

    programs = await find_programs(
        parse_version(contents.cluster_version), cache, directory=etcd_dir, nodes=nodes, told=told
    )
    stage.says(f"etcd {programs.version} from {programs.origin}")
    return programs
