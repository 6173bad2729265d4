"""Drawings leave room for keys."""

from __future__ import annotations

from screens.pacing import LOST, Pace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_drawing_is_followed_by_as_much_time_without_one() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.begins()
    assert not pace.begins()
    clock.now += LOST / 2
    pace.ended()
    clock.now += LOST / 4
    assert not pace.begins()
    clock.now += LOST / 4
    assert pace.begins()


def test_a_drawing_whose_end_nobody_told_does_not_stop_the_next_one_for_good() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.begins()
    clock.now += LOST
    assert pace.begins()
