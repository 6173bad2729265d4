"""What the tests of a trial share: snapshots as fetched, and etcds that misbehave."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from recovery.health.model import Check, CheckStatus
from recovery.rehearsal.trial.model import TrialReport
from recovery.snapshots.model import FetchedSnapshot
from recovery.snapshots.verify import verify_database
from tests.cluster_fixtures import processes_of
from tests.snapshots.lone_etcd import programs


async def fetched(database: Path) -> FetchedSnapshot:
    """A database file as it would be after it was fetched and verified."""
    verdict = await verify_database(database)
    return FetchedSnapshot(
        database.name, str(database), database, verdict.sha256, verdict.size, verdict
    )


def statuses(report: TrialReport) -> dict[tuple[str, str], CheckStatus]:
    """How each check ended, by scope and name."""
    return {(check.scope, check.name): check.status for check in report.checks}


def failures(report: TrialReport) -> list[tuple[str, str]]:
    """The checks that failed, by scope and name."""
    return [(check.scope, check.name) for check in report.failures]


def check_of(report: TrialReport, scope: str, name: str) -> Check:
    """One check."""
    return next(one for one in report.checks if (one.scope, one.name) == (scope, name))


def nothing_is_left(cache: Path) -> bool:
    """Whether no directory of a trial is there, and no process of one."""
    trials = cache / "trials"
    left = list(trials.iterdir()) if trials.exists() else []
    return not left and not any(processes_of(directory) for directory in left)


def etcd_directory(directory: Path, **scripts: str) -> Path:
    """The real programs, with shell scripts in place of some of them.

    In a script REAL is the real program of that name.
    """
    directory.mkdir()
    for real in (programs() / name for name in ("etcd", "etcdctl", "etcdutl")):
        body = scripts.get(real.name)
        if real.exists() and body is None:
            (directory / real.name).symlink_to(real)
        elif real.exists():
            path = directory / real.name
            path.write_text(f"#!/bin/sh\nREAL={shlex.quote(str(real))}\n{body}\n")
            path.chmod(0o755)
    return directory


def restorer_name() -> str:
    """Which program restores with the etcd that the tests run with."""
    return "etcdutl" if os.access(programs() / "etcdutl", os.X_OK) else "etcdctl"


def restores_another(member: str, snapshot: Path) -> dict[str, str]:
    """A restorer that takes another file for one of the members."""
    script = f"""
case " $* " in
  *" --name {member} "*)
    shift 3
    exec "$REAL" snapshot restore {shlex.quote(str(snapshot))} "$@" --skip-hash-check
    ;;
esac
exec "$REAL" "$@"
"""
    return {restorer_name(): script}
