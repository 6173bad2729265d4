"""The last words of a run: what holds now, and what to do next."""

from __future__ import annotations

from recovery.restore.events import Outcome
from recovery.restore.journal import JournalEvent
from recovery.restore.planned_members import in_words


def last_words(
    outcome: Outcome,
    event: JournalEvent,
    *,
    holds: str,
    inside: str,
    taken_over: str,
    missing: tuple[str, ...],
    alarm_stays: bool = False,
    consent: str,
    way_back: str,
    log_path: str,
) -> str:
    """One or two sentences for whoever reads the end of the run.

    `consent` is what a command that goes on, or back, wants with it: `--confirm CLUSTER`.
    """
    back = event is JournalEvent.ROLLBACK_STARTED
    if outcome is Outcome.DONE:
        if back:
            return (
                "The cluster is as it was before the restore; what was restored is kept on every "
                f"node; {log_path} holds the journal and the logs."
            )
        return (
            f"The restore is done. The old data is kept on every node; {log_path} "
            "holds the journal and the logs."
        )
    if outcome is Outcome.SHORT and alarm_stays and not back:
        return _refuses_writes(missing, consent)
    if outcome is Outcome.SHORT:
        names = in_words(missing)
        done = "rolled back" if back else "restored and runs on a majority of its members"
        again = "runs rollback" if back else "runs resume"
        return (
            f"The cluster is {done}, without {names}. "
            f"Once {names} can be reached, `etcd-rescue {again} {consent}` does the rest."
        )
    if inside:
        holds = f"It stopped inside “{inside}”. Before that: {holds}"
    if taken_over:
        holds = f"{taken_over} {holds}"
    return (
        f"{holds} Nothing was deleted. `etcd-rescue runs resume {consent}` goes on from here, "
        f"`etcd-rescue runs rollback {consent}` leads back; script by script the way "
        f"back is in {way_back}; the journal and the logs are in {log_path}."
    )


def _refuses_writes(missing: tuple[str, ...], consent: str) -> str:
    names = in_words(missing) if missing else ""
    without = f", without {names}" if names else ""
    again = f"Once {names} can be reached, " if names else ""
    return (
        f"The data is restored and the members agree{without}, but they refuse all writes: the "
        "alarm NOSPACE came with the snapshot and was not cleared, so nothing more is proven. "
        f"{again}`etcd-rescue runs resume {consent}` asks again and does the rest."
    )
