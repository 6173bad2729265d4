"""The box of a dialog: its text gives way where there is little room, its answers never do."""

from __future__ import annotations

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Offset, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.layouts.vertical import VerticalLayout
from textual.widget import Widget

READ_ON = "↑ ↓ read on"
"""On the edge of a box whose text goes on below."""
READ_BACK = "↑ ↓ read again"
"""On the edge of a box whose text has been read to its end, and is longer than the box."""


class DialogBox(Vertical):
    """As high as its text and its answers, or as there is room; then the text scrolls."""

    def __init__(self, title: str) -> None:
        super().__init__(classes="dialog")
        self.border_title = Content(title)

        self._giving = _Giving()

    @property
    def layout(self) -> Layout:
        """Ours: with Textual's, what is too long pushes the answers out."""
        return self._giving


class DialogText(VerticalScroll, can_focus=False):
    """What a dialog explains: it takes the room that is left, and says where it goes on.

    The focus stays where something is answered; the dialog's own keys scroll this.
    """

    def __init__(self, *, classes: str = "") -> None:
        super().__init__(classes=f"dialog-body {classes}".strip())

    def on_resize(self) -> None:
        """More room, or less."""
        self.call_after_refresh(self._hint)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Somebody read on."""
        super().watch_scroll_y(old_value, new_value)
        self._hint()

    def watch_virtual_size(self) -> None:
        """More text, or less."""
        self.call_after_refresh(self._hint)

    def _hint(self) -> None:
        """Whether there is more than can be seen, on the edge of the box."""
        box = self.parent
        if not isinstance(box, DialogBox):
            return
        words = ""
        if self.max_scroll_y > 0:
            words = READ_ON if self.scroll_y < self.max_scroll_y else READ_BACK
        box.border_subtitle = Content(words)


class Answers(Widget):
    """The answers beside each other, in as many lines as they need: none is ever cut off."""

    def __init__(self) -> None:
        super().__init__(classes="answers")
        self._folding = _Folding()

    @property
    def layout(self) -> Layout:
        """Ours: Textual's know no lines."""
        return self._folding


class _Giving(VerticalLayout):
    """One under the other; the text is as much lower as the rest would not have room."""

    name = "giving"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        """Where each widget lies; a height of zero asks for all that they need."""
        placements = list(super().arrange(parent, children, size, greedy))
        below = max((placed.region.bottom for placed in placements), default=0)
        excess = below - size.height if size.height else 0
        if excess <= 0:
            return placements
        given: list[WidgetPlacement] = []
        up = 0
        for placed in placements:
            region = placed.region.translate(Offset(0, -up))
            if isinstance(placed.widget, DialogText):
                up = min(excess, region.height - 1)
                region = region.shrink(Spacing(bottom=up))
            given.append(placed._replace(region=region))
        return given


class _Folding(Layout):
    """Widgets from left to right, as words are: the next line begins where one is full."""

    name = "folding"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        """Where each widget lies."""
        viewport = parent.app.viewport_size
        placements: list[WidgetPlacement] = []
        x = y = 0
        for child in children:
            margin = child.styles.margin
            width = min(
                size.width,
                child.get_content_width(size, viewport) + child.styles.gutter.width,
            )
            if x and x + width > size.width:
                x, y = 0, y + 1
            region = Region(x, y, width, 1)
            placements.append(WidgetPlacement(region, child.offset, margin, child))
            x += width + margin.right
        return placements
