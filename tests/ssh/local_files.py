"""Files of this machine, as whoever sends them asks for them."""

from __future__ import annotations

from pathlib import Path

from recovery.ssh.shared_blocks import Bring, LargeFile


def lying_here(path: Path) -> Bring:
    """Nothing has to be fetched."""

    async def bring() -> Path:
        return path

    return bring


def large_file(path: Path) -> LargeFile:
    """The file at that path, which is there already."""
    return LargeFile(path.stat().st_size, lying_here(path))
