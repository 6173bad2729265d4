"""What this program keeps on this machine is closed to others, from the top on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recovery.places import cache_directory, make_private, runs_directory


@pytest.fixture(name="environ")
def environ_fixture(tmp_path: Path) -> dict[str, str]:
    """A home with nothing in it."""
    return {"HOME": str(tmp_path / "home")}


def test_whatever_is_made_first_the_programs_own_directory_is_closed_to_others(
    environ: dict[str, str],
) -> None:
    before = os.umask(0o022)
    try:
        made = make_private(runs_directory(environ) / "20261123-140512-7f3a")
        also = make_private(cache_directory(environ) / "trials")
    finally:
        os.umask(before)
    for directory in (made, made.parent, made.parent.parent, also, also.parent):
        assert directory.stat().st_mode & 0o777 == 0o700, directory
    shared = made.parent.parent.parent
    assert shared.name == "state"
    assert shared.stat().st_mode & 0o777 == 0o755, "what others use too is left to them"
