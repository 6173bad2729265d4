"""What the tests of the rehearsal cluster share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster_fixtures import broken_rehearsal, healthy_rehearsal

__all__ = ["broken_rehearsal", "healthy_rehearsal"]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("SSH_AUTH_SOCK", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
