"""The scheduler over simulated days: sleeps, clock changes, failures, pauses, other programs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recovery.backups.keeping_schedule import (
    Level,
    Say,
    ScheduleKeeper,
    Settings,
)
from recovery.errors import EtcdError, InventoryError
from recovery.restore.lock import HolderState, LockedError, LockHolder

START = datetime(2026, 11, 1, 10, 7, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

DAILY = "0 0 * * *"
EVERY_SIX_HOURS = "0 */6 * * *"


class OverError(Exception):
    """The simulated time is over."""


@dataclass
class SimulatedClock:
    """Time that passes only when somebody waits. Events happen at moments of elapsed time."""

    wall: datetime = START
    seconds: float = 0.0
    ends: float = 0.0
    events: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def now(self) -> datetime:
        return self.wall

    def elapsed(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.passes(seconds)
        while self.events and self.events[0][0] <= self.seconds:
            self.events.pop(0)[1]()
        if self.seconds >= self.ends:
            raise OverError

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)

    def at(self, when: timedelta, event: Callable[[], None]) -> None:
        self.events.append((when.total_seconds(), event))
        self.events.sort(key=lambda each: each[0])

    def set_by(self, change: timedelta) -> Callable[[], None]:
        def event() -> None:
            self.wall += change

        return event

    def sleeps_for(self, time: timedelta) -> Callable[[], None]:
        return lambda: self.passes(time.total_seconds())


@dataclass
class Cluster:
    """What is backed up: notes when, and fails when told to."""

    clock: SimulatedClock
    schedule: str = DAILY
    paused: bool = False
    known: datetime | None = START - HOUR
    trouble: Callable[[], Exception | None] = lambda: None
    takes: timedelta = timedelta(seconds=20)
    taken: list[datetime] = field(default_factory=list)
    tries: list[datetime] = field(default_factory=list)
    at_work: int = 0

    async def settings(self) -> Settings:
        return Settings(self.schedule, self.paused)

    async def newest(self) -> datetime | None:
        return self.known

    async def take(self, say: Say) -> None:
        assert not self.at_work, "two backups at once"
        self.at_work += 1
        begun = self.clock.now()
        self.tries.append(begun)
        try:
            self.clock.passes(self.takes.total_seconds())
            trouble = self.trouble()
            if trouble is not None:
                raise trouble
            self.taken.append(begun)
        finally:
            self.at_work -= 1


@dataclass
class Simulation:
    clock: SimulatedClock
    cluster: Cluster
    lines: list[tuple[Level, str]] = field(default_factory=list)
    look: float = 60.0

    def run(self, time: timedelta) -> list[datetime]:
        """The moments at which backups were taken."""
        self.clock.ends = time.total_seconds()
        keeper = ScheduleKeeper(
            self.cluster,
            lambda level, line: self.lines.append((level, line)),
            self.clock,
            look=self.look,
        )
        with pytest.raises(OverError):
            asyncio.run(keeper.run())
        return self.cluster.taken

    @property
    def said(self) -> list[str]:
        return [line for _, line in self.lines]


@pytest.fixture
def simulation() -> Simulation:
    clock = SimulatedClock()
    return Simulation(clock, Cluster(clock))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}+00:00")


def test_each_time_of_the_schedule_has_its_backup(simulation: Simulation) -> None:
    simulation.cluster.schedule = EVERY_SIX_HOURS
    taken = simulation.run(3 * DAY)
    assert taken[:3] == [at("11-01T12:00"), at("11-01T18:00"), at("11-02T00:00")]
    assert len(taken) == 12


def test_a_journal_gets_a_line_a_backup_and_not_one_a_look(simulation: Simulation) -> None:
    taken = simulation.run(3 * DAY)
    assert len(taken) == 3
    assert len(simulation.lines) <= 2 + 2 * len(taken)


def test_a_backup_that_was_missed_before_the_start_is_made_up_for(simulation: Simulation) -> None:
    simulation.cluster.known = START - 3 * DAY
    assert simulation.run(HOUR) == [START]
    assert any("one makes up for all" in line for line in simulation.said)


def test_without_any_backup_one_is_taken_at_once(simulation: Simulation) -> None:
    simulation.cluster.known = None
    assert simulation.run(HOUR) == [START]


def test_a_machine_that_slept_through_three_takes_one(simulation: Simulation) -> None:
    simulation.clock.at(2 * HOUR, simulation.clock.sleeps_for(3 * DAY))
    taken = simulation.run(4 * DAY)
    woke = START + 2 * HOUR + 3 * DAY
    assert len(taken) == 2
    assert woke <= taken[0] <= woke + timedelta(minutes=1)
    assert taken[1] == at("11-05T00:00")
    assert any("slept for" in line for line in simulation.said)


def test_a_clock_set_forward_takes_one_and_set_back_again_none_is_left_out(
    simulation: Simulation,
) -> None:
    simulation.clock.at(2 * HOUR, simulation.clock.set_by(365 * DAY))
    simulation.clock.at(4 * HOUR, simulation.clock.set_by(-365 * DAY))
    taken = simulation.run(3 * DAY)
    assert [moment.year for moment in taken] == [2027, 2026, 2026, 2026]
    assert taken[1:] == [at("11-02T00:00"), at("11-03T00:00"), at("11-04T00:00")]
    warned = [line for level, line in simulation.lines if level is Level.WARNING]
    assert [line.split(" by ")[0] for line in warned] == [
        "the clock was set forward",
        "the clock was set back",
    ]


def test_a_clock_set_back_by_an_hour_right_after_a_backup_costs_one_more_at_most(
    simulation: Simulation,
) -> None:
    simulation.clock.at(14 * HOUR, simulation.clock.set_by(-HOUR))
    taken = simulation.run(3 * DAY)
    assert [moment.day for moment in taken] == [2, 2, 3, 4]


def test_a_small_correction_of_the_clock_is_not_worth_a_word(simulation: Simulation) -> None:
    simulation.clock.at(2 * HOUR, simulation.clock.set_by(timedelta(seconds=20)))
    simulation.clock.at(3 * HOUR, simulation.clock.set_by(timedelta(seconds=-20)))
    simulation.run(DAY)
    assert not [line for line in simulation.said if "clock" in line]


def test_what_fails_is_tried_again_at_growing_distances(simulation: Simulation) -> None:
    simulation.cluster.trouble = lambda: EtcdError("it does not answer", where="etcd-1")
    assert simulation.run(DAY) == []
    tries = simulation.cluster.tries
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert tries[0] == at("11-02T00:00")
    assert gaps[0] < timedelta(minutes=2)
    assert gaps == sorted(gaps)
    assert max(gaps) < timedelta(hours=1, minutes=2)


def test_after_failures_a_good_one_ends_the_tries_until_the_next_time(
    simulation: Simulation,
) -> None:
    failing = iter([True, True, True, False])
    simulation.cluster.trouble = lambda: (
        EtcdError("it does not answer") if next(failing, False) else None
    )
    taken = simulation.run(2 * DAY)
    assert len(simulation.cluster.tries) == 5
    assert at("11-02T00:07") < taken[0] < at("11-02T00:12")
    assert taken[1] == at("11-03T00:00")


def test_the_next_time_of_the_schedule_does_not_wait_for_a_retry(simulation: Simulation) -> None:
    simulation.cluster.schedule = "*/10 * * * *"
    simulation.cluster.trouble = lambda: (
        EtcdError("down") if simulation.clock.now() < at("11-01T13:55") else None
    )
    taken = simulation.run(5 * HOUR)
    assert taken[0] <= at("11-01T14:00")


def test_a_fault_of_the_program_does_not_end_the_schedule(simulation: Simulation) -> None:
    failing = iter([True])
    simulation.cluster.trouble = lambda: KeyError("oh") if next(failing, False) else None
    assert len(simulation.run(DAY)) == 1
    assert any("KeyError" in line for line in simulation.said)


def test_what_another_program_holds_is_waited_for_and_is_no_failure(
    simulation: Simulation,
) -> None:
    holder = LockHolder(
        "prod-a", "x", "ops@bastion", "now", "restoring", 1.0, "etcd-1", HolderState.ALIVE
    )
    simulation.cluster.trouble = lambda: (
        LockedError(holder) if simulation.clock.now() < at("11-02T03:00") else None
    )
    taken = simulation.run(DAY)
    assert at("11-02T03:00") <= taken[0] < at("11-02T03:03")
    assert not [line for level, line in simulation.lines if level is Level.ERROR]


def test_while_it_is_paused_nothing_is_taken_and_nothing_made_up_for(
    simulation: Simulation,
) -> None:
    def pause(paused: bool) -> Callable[[], None]:
        def event() -> None:
            simulation.cluster.paused = paused

        return event

    simulation.clock.at(2 * HOUR, pause(True))
    simulation.clock.at(2 * DAY, pause(False))
    assert simulation.run(3 * DAY) == [at("11-04T00:00")]
    assert simulation.said.count("the schedule is paused") == 1


def test_a_schedule_that_is_changed_counts_from_the_next_look(simulation: Simulation) -> None:
    def change() -> None:
        simulation.cluster.schedule = "15 * * * *"

    simulation.clock.at(HOUR, change)
    assert simulation.run(3 * HOUR)[:2] == [
        START + HOUR,  # 10:15 has passed since the last one, by the new schedule
        at("11-01T11:15"),
    ]


def test_settings_that_cannot_be_used_are_told_once_and_looked_at_again(
    simulation: Simulation,
) -> None:
    simulation.cluster.schedule = "whenever"

    def correct() -> None:
        simulation.cluster.schedule = "30 * * * *"

    simulation.clock.at(HOUR, correct)
    assert len(simulation.run(2 * HOUR)) == 2
    assert len([line for line in simulation.said if "settings" in line]) == 1


def test_an_inventory_that_is_broken_for_a_while_does_not_end_it(simulation: Simulation) -> None:
    sound = simulation.cluster.settings

    async def broken() -> Settings:
        if simulation.clock.now() < at("11-01T23:00"):
            raise InventoryError("unknown field", where="inventory.yaml, line 3")
        return await sound()

    simulation.cluster.settings = broken  # type: ignore[method-assign]
    assert simulation.run(DAY) == [at("11-02T00:00")]


def test_a_backup_longer_than_the_interval_is_followed_by_one(simulation: Simulation) -> None:
    simulation.cluster.schedule = "*/5 * * * *"
    simulation.cluster.takes = timedelta(minutes=17)
    taken = simulation.run(timedelta(hours=6))
    gaps = [later - earlier for earlier, later in itertools.pairwise(taken)]
    assert all(timedelta(minutes=17) <= gap <= timedelta(minutes=18) for gap in gaps)


def test_nobodys_summer_time_matters(simulation: Simulation) -> None:
    """Europe's clocks went back on 25 October 2026: at 03:00 it was 02:00 again."""
    simulation.clock.wall = datetime.fromisoformat("2026-10-24T12:00:00+00:00")
    simulation.cluster.known = simulation.clock.wall
    simulation.cluster.schedule = "30 * * * *"
    taken = simulation.run(2 * DAY)
    assert len(taken) == 48
    assert len(set(taken)) == 48


_EVENTS = st.lists(
    st.tuples(
        st.floats(0, 4 * 86_400),
        st.sampled_from(["sleep", "set"]),
        st.floats(-2 * 86_400, 2 * 86_400),
    ),
    max_size=4,
)


@settings(max_examples=10, deadline=None)
@given(_EVENTS, st.sampled_from([DAILY, EVERY_SIX_HOURS, "7 3 * * 1-5"]))
def test_whatever_the_clock_does_backups_go_on_afterwards(
    events: list[tuple[float, str, float]], schedule: str
) -> None:
    clock = SimulatedClock()
    simulation = Simulation(clock, Cluster(clock, schedule=schedule), look=600)
    for when, kind, by in events:
        change = timedelta(seconds=by)
        event = clock.sleeps_for(abs(change)) if kind == "sleep" else clock.set_by(change)
        clock.at(timedelta(seconds=when), event)
    settled: list[datetime] = []
    clock.at(9 * DAY, lambda: settled.append(clock.now()))
    taken = simulation.run(13 * DAY)
    assert len([moment for moment in taken if moment >= settled[0]]) >= 2
    assert len(simulation.cluster.tries) == len(taken)
