"""What could keep a key waiting is done when nobody types."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from tui.promptness import QuietCollecting


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Knot:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """What was put aside counts again afterwards."""
    yield
    gc.unfreeze()


def make_garbage(collections: int) -> ref[Knot]:
    """One knot that nobody holds, and as many collections of what is young."""
    knot = ref(Knot())
    for _ in range(collections):
        gc.collect(1)
    return knot


def test_garbage_is_looked_for_only_when_nobody_has_typed_for_a_second() -> None:
    clock = Clock()
    collecting = QuietCollecting(clock)
    collecting.typed()
    clock.now = 0.9
    assert not collecting.look()
    clock.now = 1.1
    assert collecting.look()


def test_what_is_put_aside_and_becomes_garbage_later_is_found_the_next_time() -> None:
    clock = Clock()
    collecting = QuietCollecting(clock)
    held = Knot()
    knot = ref(held)
    clock.now = 2.0
    assert collecting.look()
    assert gc.get_freeze_count() > 1000
    del held
    gc.collect()
    assert knot() is not None
    make_garbage(10)
    assert collecting.look()
    assert knot() is None


def test_nothing_is_gone_through_while_nothing_happens() -> None:
    clock = Clock()
    collecting = QuietCollecting(clock)
    clock.now = 2.0
    assert collecting.look()
    assert not collecting.look()
