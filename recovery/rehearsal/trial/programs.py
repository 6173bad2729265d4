"""etcd's own programs for a trial: what they are, and which of them serve."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recovery.cluster.facts import Version
from recovery.rehearsal.etcd_binaries import version_of

Told = Callable[[str, int, int], None]
"""Called with what happens, bytes done, and bytes in all (0 where there are none to count)."""


@dataclass(frozen=True, slots=True)
class TrialPrograms:
    """An etcd that runs on this machine, and the program that restores for it."""

    etcd: Path
    restorer: Path
    """etcdutl; etcdctl before 3.5."""
    version: Version
    origin: str
    """The directory on this machine, or where on which node it was fetched from."""


def parse_version(text: str) -> Version | None:
    """A cluster version as etcd stores it, `3.5.0`; None where it says nothing."""
    parts = text.split(".")
    if len(parts) < 2 or not all(part.isdecimal() and len(part) < 6 for part in parts[:3]):
        return None
    numbers = [int(part) for part in parts[:3]]
    return Version(numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 0)


def fits(needed: Version | None, version: Version) -> bool:
    """An older minor version would not start on the data of a newer one."""
    return needed is None or (version.major == needed.major and version.minor >= needed.minor)


def distance(needed: Version | None, version: Version) -> tuple[int, int]:
    """To sort by: the snapshot's own minor version first, the newest patch of it first."""
    minor = version.minor - needed.minor if needed else -version.minor
    return minor, -version.patch


def in_directory(directory: Path, origin: str = "") -> TrialPrograms | None:
    """The programs in a directory; None unless it has an etcd that runs, and a restorer."""
    etcd, etcdutl, etcdctl = (directory / name for name in ("etcd", "etcdutl", "etcdctl"))
    restorer = next((tool for tool in (etcdutl, etcdctl) if os.access(tool, os.X_OK)), None)
    if restorer is None or not os.access(etcd, os.X_OK):
        return None
    version = version_of(etcd)
    return TrialPrograms(etcd, restorer, version, origin or str(directory)) if version else None
