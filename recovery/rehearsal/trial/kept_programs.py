"""etcd's programs that were fetched from a node, kept in the cache for the next trial.

Layout: `programs/<sha256>/` with `etcd`, `etcdutl` or `etcdctl`, and `origin.json`. The name is a
hash over the programs' own, so that nothing runs that is not what was fetched.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recovery.backups.disk import disk_error, sha256_of
from recovery.places import make_private

PROGRAMS = ("etcd", "etcdutl", "etcdctl")
_ORIGIN = "origin.json"


@dataclass(frozen=True, slots=True)
class KeptPrograms:
    """A directory of programs, unchanged since they came."""

    directory: Path
    origin: str
    """Where they came from: `etcd-2:/var/lib/...`."""


def kept_programs(cache: Path) -> Iterator[KeptPrograms]:
    """All that are there; whatever is not what its name says is passed over. Blocks."""
    for directory in sorted((cache / "programs").glob("?" * 64)):
        try:
            origin = json.loads((directory / _ORIGIN).read_text())["origin"]
            if name_of(_hashes(directory)) == directory.name:
                yield KeptPrograms(directory, str(origin))
        except (OSError, ValueError, KeyError, TypeError):
            continue


@contextmanager
def arriving(cache: Path) -> Iterator[Path]:
    """A directory to fetch programs into, removed with the block if it is still there."""
    programs = make_private(cache / "programs")
    try:
        directory = Path(tempfile.mkdtemp(dir=programs, prefix="arriving-"))
    except OSError as error:
        raise disk_error(error, programs) from error
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def keep(directory: Path, origin: str) -> KeptPrograms:
    """Make the programs that arrived whole executable, and give their directory its name."""
    target = directory.with_name(name_of(_hashes(directory)))
    try:
        for program in PROGRAMS:
            if (directory / program).exists():
                (directory / program).chmod(0o700)
        (directory / _ORIGIN).write_text(json.dumps({"origin": origin}))
        if not target.exists() or name_of(_hashes(target)) != target.name:
            shutil.rmtree(target, ignore_errors=True)
            directory.rename(target)
    except OSError as error:
        raise disk_error(error, target) from error
    return KeptPrograms(target, origin)


def name_of(hashes: Mapping[str, str]) -> str:
    """The name of a directory: a sha256 over the programs' names and hashes."""
    lines = "".join(f"{program} {hashes[program]}\n" for program in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()


def _hashes(directory: Path) -> dict[str, str]:
    return {
        program: sha256_of(directory / program)
        for program in PROGRAMS
        if os.path.lexists(directory / program)
    }
