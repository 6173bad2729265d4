"""Faults stay where they happen: no traceback on the screen, and no program that ends in a run.

Textual ends the program at the first exception that a message, a timer or a drawing raises. Here a
restore may be under way, which a fault of one widget must not end: the message is lost, the widget
is drawn as a line that says so, the log has the traceback, and everything else goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from rich.segment import Segment
from textual.content import Content
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.geometry import Region
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.strip import Strip
from textual.visual import Visual, visualize
from textual.widget import Widget
from textual.worker import WorkerFailed

if TYPE_CHECKING:
    from pathlib import Path

TOO_MANY = 60
"""Faults within `WITHIN` after which nothing on the screen can be trusted."""
WITHIN = 10.0
"""Seconds."""
_SAY_EVERY = 5.0
"""Seconds between two remarks; the log has every kind of fault."""
_LOGGED_EACH = 3

CANNOT_BE_DRAWN = "✖ this part cannot be drawn; the log says why"


class Faults:
    """How many faults there were, and which of them are to be written and said."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._times: deque[float] = deque(maxlen=TOO_MANY)
        self._known: dict[str, int] = {}
        self._said = -_SAY_EVERY

    def is_new(self, error: BaseException) -> bool:
        """Whether this one is worth a traceback in the log: ten a second may be the same."""
        self._times.append(self._clock())
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else ""
        kind = f"{type(error).__name__} {place}"
        self._known[kind] = self._known.get(kind, 0) + 1
        return self._known[kind] <= _LOGGED_EACH

    def may_say(self) -> bool:
        """Whether to tell the person again."""
        now = self._clock()
        if now - self._said < _SAY_EVERY:
            return False
        self._said = now
        return True

    def forget(self) -> None:
        """Begin to count anew."""
        self._times.clear()

    @property
    def too_many(self) -> bool:
        """Whether they come so fast that the screen is of no use any more."""
        full = len(self._times) == TOO_MANY
        return full and self._clock() - self._times[0] < WITHIN


def asked_of_what_is_gone(error: Exception, screens: Sequence[Screen[Any]]) -> bool:
    """Whether a widget was looked for on a screen that was left meanwhile: no fault at all.

    What was begun there, a worker or a call after the next drawing, may end a moment later.
    """
    cause = error.error if isinstance(error, WorkerFailed) else error
    where = cause.__traceback__
    if not isinstance(cause, NoMatches) or where is None:
        return False
    while where.tb_next is not None:
        where = where.tb_next
    asked = where.tb_frame.f_locals.get("base_node")
    if not isinstance(asked, DOMNode):
        return False
    return not any(node in screens for node in asked.ancestors_with_self)


def fault_words(log_path: Path | None, *, run_under_way: bool) -> str:
    """What a person is told."""
    goes_on = "The restore goes on. " if run_under_way else ""
    where = f"The log has it: {log_path}" if log_path else "It is not in any log: none is kept."
    return (
        "etcd-rescue met an error that it did not foresee; what you did last may not have "
        f"happened. {goes_on}{where}"
    )


def contain_faults() -> None:
    """Have every part of every screen go on after a fault. Done once, for the whole process.

    Textual offers no other place: what a widget raises ends the task that reads its messages, and
    the widget with it. The application's `_handle_exception` is told, as ever.
    """
    if getattr(MessagePump._dispatch_message, "contained", False):
        return
    _contain_messages()
    _contain_drawing()


def _contain_messages() -> None:
    dispatch = MessagePump._dispatch_message

    async def contained(self: MessagePump, message: Message) -> None:
        try:
            await dispatch(self, message)
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest goes on
            self.app._handle_exception(error)

    contained.contained = True  # type: ignore[attr-defined]
    MessagePump._dispatch_message = contained  # type: ignore[method-assign]


def _contain_drawing() -> None:
    render, render_lines = Widget._render, Widget.render_lines

    def drawn(self: Widget) -> Visual:
        try:
            return render(self)
        except Exception as error:  # noqa: BLE001
            self.app._handle_exception(error)
            return visualize(self, Content(CANNOT_BE_DRAWN), markup=False)

    def drawn_lines(self: Widget, crop: Region) -> list[Strip]:
        try:
            return render_lines(self, crop)
        except Exception as error:  # noqa: BLE001
            self.app._handle_exception(error)
            words = Strip([Segment(CANNOT_BE_DRAWN)]).adjust_cell_length(crop.width)
            return [words, *[Strip.blank(crop.width)] * (crop.height - 1)][: crop.height]

    Widget._render = drawn  # type: ignore[method-assign]
    Widget.render_lines = drawn_lines  # type: ignore[method-assign]
