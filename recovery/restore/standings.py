"""Sums up an earlier run from its plan and its journal, and what can be done about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from recovery.restore.past_runs import PastRun, RunState
from recovery.restore.plan import CLEARING, Plan, Step
from recovery.restore.planned_members import in_words
from recovery.restore.progress import Progress, progress_of
from recovery.restore.rollback import is_rollback, rollback_plan
from recovery.restore.standing import RunStanding, StepStanding, StepState

_FIRST_WRITE = "make-directories"


def standing_of(run: PastRun, plan: Plan) -> RunStanding:
    """How far the run came; of a run that is being rolled back, how far the way back came."""
    progress = progress_of(run.entries)
    shown = rollback_plan(plan, progress) if _turned_back(run) else plan
    steps = tuple(_step(step, progress, run) for step in shown.steps)
    open_steps = [step for step in steps if step.state is not StepState.DONE]
    titles = {action.id: action.title for step in shown.steps for action in step.actions}
    return RunStanding(
        run=run,
        plan=plan,
        steps=steps,
        under_way=_under_way(progress, titles),
        next=open_steps[0].title if open_steps else "",
        holds=_holds(shown, steps),
        left_out=_left_out(plan, progress),
        resume_refused=_resume_refused(run, plan, progress),
        roll_back_refused=_roll_back_refused(run, progress),
        clean_refused=_clean_refused(run),
    )


def _under_way(progress: Progress, titles: Mapping[str, str]) -> tuple[str, ...]:
    nodes: dict[str, list[str]] = {}
    for action, node in sorted(progress.under_way):
        if action in titles:
            nodes.setdefault(titles[action], []).append(node)
    return tuple(f"{title} on {in_words(names)}" for title, names in nodes.items())


def _turned_back(run: PastRun) -> bool:
    return any(entry.step and is_rollback(entry.step) for entry in run.entries)


def _step(step: Step, progress: Progress, run: PastRun) -> StepStanding:
    places = [(action.id, node) for action in step.actions for node in action.nodes]
    still_open = [place for place in places if place not in progress.done]
    nodes = tuple(dict.fromkeys(node for _, node in still_open))
    if not still_open or (step.id in progress.steps_done and not progress.left_out):
        return StepStanding(step.id, step.title, StepState.DONE)
    ended = [entry.outcome for entry in run.entries if entry.step == step.id and not entry.action]
    if ended and ended[-1] == "skipped":
        return StepStanding(step.id, step.title, StepState.SKIPPED, nodes)
    if not any(action.id in progress.begun for action in step.actions):
        return StepStanding(step.id, step.title, StepState.OPEN, nodes)
    failed = ended and ended[-1] == "failed"
    return StepStanding(
        step.id, step.title, StepState.FAILED if failed else StepState.UNDER_WAY, nodes
    )


def _holds(plan: Plan, steps: tuple[StepStanding, ...]) -> str:
    holds = "Nothing was written."
    for step, standing in zip(plan.steps, steps, strict=True):
        if standing.state is StepState.DONE:
            holds = step.safe_after or holds
        elif standing.state in (StepState.UNDER_WAY, StepState.FAILED):
            return f"“{step.title}” is partly done. Before that: {holds}"
        elif standing.state is StepState.OPEN or _alarm_stays(step, standing):
            break
    return holds


def _alarm_stays(step: Step, standing: StepStanding) -> bool:
    clears = any(action.watch in CLEARING for action in step.actions)
    return clears and standing.state is StepState.SKIPPED


def _left_out(plan: Plan, progress: Progress) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*plan.absent, *progress.left_out)))


def _resume_refused(run: PastRun, plan: Plan, progress: Progress) -> str:
    if run.state is RunState.RUNNING:
        return "it is under way"
    if run.cleaned:
        return "it was cleaned up"
    if _turned_back(run):
        return "it was rolled back, or the way back has begun: `runs rollback` takes that up again"
    if run.state is RunState.SUCCEEDED and not _left_out(plan, progress):
        return "nothing is left to do"
    return ""


def _roll_back_refused(run: PastRun, progress: Progress) -> str:
    if run.state is RunState.RUNNING:
        return "it is under way: stop it first"
    if run.cleaned:
        return "it was cleaned up: the old data is gone"
    if run.state is RunState.ROLLED_BACK and not progress.left_out:
        return "it was rolled back already"
    if _FIRST_WRITE not in progress.begun:
        return "it has changed nothing"
    return ""


def _clean_refused(run: PastRun) -> str:
    if run.cleaned:
        return "it was cleaned up already"
    if run.state is RunState.RUNNING:
        return "it is under way"
    if run.state is RunState.INTERRUPTED:
        return "it is not finished: resume it or roll it back first"
    return ""


def missing_in_words(standing: RunStanding) -> str:
    """The nodes that a resumed run brings in, in words; empty where there are none."""
    return in_words(standing.left_out) if standing.left_out else ""
