"""An earlier run in words, and as the contract's JSON entry."""

from __future__ import annotations

from recovery.errors import RescueError
from recovery.restore.past_runs import PastRun
from recovery.restore.plan_loading import load_plan
from recovery.restore.run_record import PLAN_NAME
from recovery.restore.standing import RunStanding
from recovery.restore.standings import standing_of


def run_entry(run: PastRun) -> dict[str, object]:
    """One entry of `runs list -o json`."""
    return {
        "id": run.id,
        "cluster": run.cluster,
        "snapshot": run.snapshot,
        "startedAt": run.started_at,
        "endedAt": run.ended_at,
        "state": run.state.value,
        "step": run.step,
        "operator": run.operator,
        "directory": str(run.directory),
        "cleaned": run.cleaned,
    }


def run_story(run: PastRun) -> str:
    """Everything that the journal says, and what can be done now."""
    lines = [
        f"run        {run.id}, {run.state.value}{', cleaned up' if run.cleaned else ''}",
        f"cluster    {run.cluster}",
        f"snapshot   {run.snapshot}",
        f"by         {run.operator}",
        f"kept in    {run.directory}",
        f"way back   {run.directory / 'way-back.md'}",
        *_standing_lines(run),
        "",
    ]
    for entry in run.entries:
        what = [entry.step or entry.gate, entry.action, entry.node, entry.outcome, entry.message]
        words = "  ".join(word for word in what if word)
        lines.append(f"{entry.at[11:19]}Z  {entry.event.value:<15} {words}")
    return "\n".join(lines)


def _standing_lines(run: PastRun) -> list[str]:
    try:
        path = run.directory / PLAN_NAME
        standing = standing_of(run, load_plan(path.read_text(encoding="utf-8"), str(path)))
    except (OSError, UnicodeDecodeError, RescueError):
        return []
    return [*_open_lines(standing), *_possible_lines(standing)]


def _open_lines(standing: RunStanding) -> list[str]:
    lines = [f"holds      {standing.holds}"]
    if standing.under_way:
        lines.append(f"under way  {'; '.join(standing.under_way)}")
    if standing.next:
        lines.append(f"next       {standing.next}")
    if standing.left_out:
        lines.append(f"left out   {', '.join(standing.left_out)}")
    return lines


def _possible_lines(standing: RunStanding) -> list[str]:
    run, cluster = standing.run.id, standing.run.cluster
    ways = {
        "resume": standing.resume_refused,
        "rollback": standing.roll_back_refused,
        "clean": standing.clean_refused,
    }
    commands = {way: f"etcd-rescue runs {way} {run} --confirm {cluster}" for way in ways}
    return [
        f"{way:<10} {f'no: {refused}' if refused else commands[way]}"
        for way, refused in ways.items()
    ]
