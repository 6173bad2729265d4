"""One node during a run: its state, its live output, and the file on its way to it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from screens.marks import line
from screens.run_view import KEPT_LINES, NodeView, Transfer
from screens.widgets.line_pane import LinePane
from screens.wording import clipped, cut, rate, size, span

_AROUND_ACTION = 7
"""Cells of a frame's title that are neither name nor action: mark, blanks, corners."""


class NodePane(Vertical):
    """A frame with the node's name and action; output within; a bar while something moves."""

    def __init__(self, view: NodeView) -> None:
        super().__init__(classes="node-pane")
        self.view = view
        self.output = LinePane(keep=KEPT_LINES, follow=True)
        self._bar = Static("", classes="transfer")
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Output and bar."""
        yield self.output
        yield self._bar

    def on_mount(self) -> None:
        """Begin with the name."""
        self._bar.display = False
        self.draw()

    def draw(self) -> None:
        """Take what the node has said since the last call, and show its state."""
        self.output.add(self.view.take_output())
        transfer = self.view.transfer
        state = (
            self.view.mark,
            self.view.action,
            transfer.done if transfer else None,
            self.output.dropped,
            self.output.following,
            self.size.width,
        )
        if state == self._shown:
            return
        self._shown = state
        self._draw_frame()
        moving = transfer is not None and not transfer.complete
        self._bar.display = moving
        if transfer is not None and moving:
            self._bar.update(transfer_bar(transfer, max(20, self.size.width - 4)))

    def _draw_frame(self) -> None:
        room = max(8, self.size.width - len(self.view.name) - _AROUND_ACTION)
        title = line(
            (f"{self.view.name} ", "bold $foreground"),
            (self.view.mark.shape, self.view.mark.colour),
            (f" {clipped(self.view.action, room)}" if self.view.action else "", "$muted"),
        )
        self.border_title = title
        words = ""
        if not self.output.following:
            words = "reading back · G: to the end"
        elif self.output.dropped:
            words = f"last {KEPT_LINES} lines · l: the log"
        self.border_subtitle = Content.styled(words, "$muted")


def node_tabs(views: list[NodeView], chosen: str, width: int) -> Content:
    """All nodes on one line, the chosen one marked; a percentage where a file is on its way."""
    room = max(12, width // max(1, len(views)) - 2)
    parts = []
    for view in views:
        transfer = view.transfer
        moving = transfer is not None and transfer.total and not transfer.complete
        share = f" {transfer.done * 100 // transfer.total} %" if transfer and moving else ""
        state = f"{view.mark.shape}{share}"
        style = "bold $accent underline" if view.name == chosen else "$muted"
        name = cut(view.name, max(6, room - len(state) - 1))
        parts.append(line((name, style), " ", (state, view.mark.colour)))
    return Content("  ").join(parts)


def transfer_bar(transfer: Transfer, width: int) -> Content:
    """`snapshot ━━━━━╌╌╌ 62 %  48 MiB/s  2 s left`, in so many cells."""
    share = transfer.done / transfer.total if transfer.total else 0.0
    left = transfer.seconds_left
    figures = f" {share * 100:3.0f} %" if transfer.total else f" {size(transfer.done)}"
    if width >= 36 and transfer.rate:
        figures += f"  {rate(transfer.rate)}"
    if width >= 44 and left is not None:
        figures += f"  {span(left)} left"
    label = f"{transfer.what} " if width >= 30 else ""
    return line((label, "$muted"), bar(share, max(4, width - len(label) - len(figures))), figures)


def bar(share: float, width: int, colour: str = "$accent") -> Content:
    """A bar of `width` cells, filled by `share` (0 to 1)."""
    full = round(max(0.0, min(1.0, share)) * width)
    return line(("━" * full, colour), ("─" * (width - full), "$faint"))
