"""Earlier runs that were left in the middle, as a check of preflight. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from recovery.health.model import CLUSTER_SCOPE, Check, CheckStatus
from recovery.restore.past_runs import PastRun, RunState
from recovery.restore.progress import progress_of

_MOVES_DATA = "set-data-aside"


def unfinished_runs(runs: Iterable[PastRun]) -> Iterator[Check]:
    """A warning for the newest run that has moved data and came to no end."""
    for run in runs:
        if run.cleaned or run.state in (RunState.SUCCEEDED, RunState.ROLLED_BACK):
            return
        if _MOVES_DATA in progress_of(run.entries).begun:
            yield Check(
                "earlier run",
                CLUSTER_SCOPE,
                CheckStatus.WARNING,
                f"run {run.id} of {run.operator} has set data aside and was not finished",
                "The data that was there before that run lies in its staging directories.",
                f"finish it first: etcd-rescue runs resume {run.id} --confirm {run.cluster}, or "
                f"runs rollback {run.id} --confirm {run.cluster}",
                must_be_acknowledged=True,
            )
            return
