"""What holds for every test of a screen."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from screens.dialogs import dialog


@pytest.fixture(autouse=True)
def a_cursor_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture must not depend on the moment at which it was taken."""
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)


@pytest.fixture(autouse=True)
def a_person_who_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test answers a question as soon as it sees it."""
    monkeypatch.setattr(dialog, "GRACE", 0.0)
