"""Where etcd-rescue keeps things on this machine, by the XDG base directory rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recovery.errors import DiskError

_NAME = "etcd-rescue"


def state_directory(environ: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/etcd-rescue`: journals, the log, the last configuration seen."""
    return _directory(environ, "XDG_STATE_HOME", ".local/state")


def cache_directory(environ: Mapping[str, str]) -> Path:
    """`$XDG_CACHE_HOME/etcd-rescue`: snapshots fetched."""
    return _directory(environ, "XDG_CACHE_HOME", ".cache")


def runs_directory(environ: Mapping[str, str]) -> Path:
    """One directory per run, under the state directory."""
    return state_directory(environ) / "runs"


def make_private(directory: Path) -> Path:
    """Create the directory with mode 0700, or close an existing one to others.

    This program's own directory above it is made with that mode too, where it is not there yet.
    Raises DiskError where it cannot be made.
    """
    try:
        for above in reversed(directory.parents):
            if _NAME in above.parts and not above.exists():
                above.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
    except OSError as error:
        raise DiskError(
            f"the directory cannot be made: {error.strerror}",
            where=str(directory),
            remedy="set XDG_STATE_HOME and XDG_CACHE_HOME to places that can be written",
        ) from error
    return directory


def _directory(environ: Mapping[str, str], variable: str, default: str) -> Path:
    configured = environ.get(variable, "")
    if configured.startswith("/"):
        return Path(configured) / _NAME
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return home / default / _NAME
