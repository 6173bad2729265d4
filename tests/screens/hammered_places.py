"""Where hammering begins, and a program that notes what is grave: a yes that no key takes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from textual.pilot import Pilot

from recovery.restore.clean_up import CleanUp
from recovery.restore.events import Event
from recovery.restore.lock import LockHolder
from recovery.restore.operator import ActionFailure, Choice, Operator
from recovery.restore.plan import Gate, Plan, Risk
from recovery.restore.standing import RunStanding
from recovery.restore.standings import standing_of
from tests.screens.canned import Answers
from tests.screens.canned_backups import BackupAnswers
from tests.screens.canned_comparison import ComparedIncident
from tests.screens.canned_past import HOLDER, past_run
from tests.screens.canned_plan import canned_plan
from tests.screens.canned_run import Script
from tests.screens.canned_trial import Tried, TriedIncident
from tests.screens.looking import shows
from tests.screens.opening import (
    at_home,
    past_danger,
    to_danger,
    to_first_question,
    to_plan,
    to_preflight,
)

Walk = Callable[[Pilot[Any]], Awaitable[None]]


class WatchedOperator:
    """The person at the screen; notes every yes to what cannot be undone by a key."""

    def __init__(self, inner: Operator, grave: list[str]) -> None:
        self._inner, self._grave = inner, grave

    async def consent(self, plan: Plan, gate: Gate) -> bool:
        """The same, noted."""
        answer = await self._inner.consent(plan, gate)
        if answer and gate.risk is Risk.DESTROY:
            self._grave.append(gate.id)
        return answer

    async def decide(self, plan: Plan, failure: ActionFailure) -> Choice:
        """The same."""
        return await self._inner.decide(plan, failure)


class WatchedIncident(TriedIncident, ComparedIncident):
    """Everything that the screens can ask for; what is grave is noted."""

    def __init__(self, answers: Answers, *, name: str, pace: float, tried: Tried) -> None:
        super().__init__(answers, tried)
        self.cluster = replace(self.cluster, name=name)
        self.pace = pace
        self.grave: list[str] = []

    def restore(self, plan: Plan, fetched: Any, operator: Operator, *rest: Any) -> Any:
        """Watched."""
        return super().restore(plan, fetched, WatchedOperator(operator, self.grave), *rest)

    async def resume(
        self,
        run_id: str | None,
        operator: Operator,
        listener: Callable[[Event], None],
        reason: str = "",
    ) -> Any:
        """Watched."""
        return await super().resume(run_id, WatchedOperator(operator, self.grave), listener)

    async def roll_back(
        self,
        run_id: str | None,
        operator: Operator,
        listener: Callable[[Event], None],
        reason: str = "",
    ) -> Any:
        """Watched."""
        return await super().roll_back(run_id, WatchedOperator(operator, self.grave), listener)

    async def standing(self, run_id: str | None) -> RunStanding:
        """Of a run of this session too, which has no journal."""
        if not self.answers.past_runs:
            plan = canned_plan("snapshot.tar", self.cluster.name)
            return standing_of(past_run(plan, "set-aside"), plan)
        return await super().standing(run_id)

    async def clean_up(self, weighed: CleanUp, note: Callable[[str, str], None]) -> None:
        """Grave."""
        self.grave.append("clean up")

    async def take_over(self, holder: LockHolder) -> None:
        """Grave."""
        self.grave.append("take over")


@dataclass
class Place:
    """Where the hammering begins, and what the program is told there."""

    walk: Walk
    answers: Callable[[], Answers] = Answers
    names: tuple[str, ...] = ("prod-a",)
    first_run: bool = False


def _keys(*keys: str) -> Walk:
    async def walk(pilot: Pilot[Any]) -> None:
        await at_home(pilot)
        await pilot.press(*keys)
        await pilot.pause()

    return walk


def _then(first: Walk, *keys: str) -> Walk:
    async def walk(pilot: Pilot[Any]) -> None:
        await first(pilot)
        await pilot.press(*keys)
        await pilot.pause()

    return walk


async def nowhere(pilot: Pilot[Any]) -> None:
    await pilot.pause()


async def _running(pilot: Pilot[Any]) -> None:
    await past_danger(pilot)
    await shows(pilot, "waiting for port 2380")


async def _failed(pilot: Pilot[Any]) -> None:
    await past_danger(pilot)
    await shows(pilot, "r: retry")


async def _left(pilot: Pilot[Any]) -> None:
    await shows(pilot, "is not finished")


async def _locked_out(pilot: Pilot[Any]) -> None:
    await _left(pilot)
    await pilot.press("r")
    await shows(pilot, "is locked")


def _interrupted() -> Answers:
    return Answers(past_runs=(past_run(canned_plan("snapshot.tar", "prod-a"), "set-aside"),))


def _locked() -> Answers:
    return Answers(script=Script(locked_by=HOLDER), past_runs=_interrupted().past_runs)


def _self_signed() -> Answers:
    return Answers(backups=BackupAnswers(self_signed=True))


PLACES: dict[str, Place] = {
    "home": Place(_keys()),
    "opening": Place(nowhere),
    "snapshot": Place(_keys("enter")),
    "comparison": Place(_keys("d", "enter")),
    "choosing": Place(_keys("d")),
    "preflight": Place(to_preflight),
    "plan": Place(to_plan),
    "consent": Place(to_first_question),
    "danger": Place(to_danger),
    "restoring": Place(_running, lambda: Answers(script=Script(hold_at="stop-etcd"))),
    "failure": Place(_failed, lambda: Answers(script=Script(fail_at="set-data-aside"))),
    "locked": Place(_locked_out, _locked),
    "interrupted": Place(_left, _interrupted),
    "runs": Place(_then(_left, "l"), _interrupted),
    "health": Place(_keys("h")),
    "backup": Place(_keys("b")),
    "s3": Place(_keys("b", "s", "enter", "enter"), _self_signed),
    "yaml": Place(_keys("b", "v")),
    "trial": Place(_keys("t")),
    "clusters": Place(nowhere, names=("prod-a", "prod-b", "staging-europe-west")),
    "first run": Place(nowhere, first_run=True),
    "help": Place(_keys("question_mark")),
    "palette": Place(_keys("ctrl+p")),
}
