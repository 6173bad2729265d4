"""One packed backup to every place at once; a place that fails costs the others nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from recovery.backups.backup_result import PlaceFailure
from recovery.backups.model import Copy
from recovery.backups.node_store import NodeStore
from recovery.backups.outside_text import one_line
from recovery.backups.shared_directories import by_directory, in_words
from recovery.backups.stores import WritableStore
from recovery.errors import NodeError, RescueError

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with what is moving, bytes done, and bytes in all (0 where unknown)."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where it lies now, where it does not, and what else a person should know."""

    copies: tuple[Copy, ...]
    failures: tuple[PlaceFailure, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Packed:
    file: Path
    name: str
    sha256: str


async def write_everywhere(
    stores: Iterable[WritableStore],
    file: Path,
    name: str,
    sha256: str,
    progress: Progress | None = None,
) -> Written:
    """Bring the file to each store under that name. `sha256` (hex) is the file's.

    Nodes that share a directory get it once, and each is asked whether it sees it. Where it lies
    then, what backups left that were broken off long ago is taken away.
    """
    packed, places = _Packed(file, name, sha256), tuple(stores)
    groups = await by_directory([store for store in places if isinstance(store, NodeStore)])
    elsewhere = [(store,) for store in places if not isinstance(store, NodeStore)]
    answers = await asyncio.gather(
        *(_write_once(group, packed, progress) for group in (*groups, *elsewhere))
    )
    told = [each for group in answers for each in group]
    copies = tuple(each for each in told if isinstance(each, Copy))
    notes = [in_words(group) for group in groups if len(group) > 1]
    for first, *_ in groups:
        # Where the new one lies, what is left of an old one is the last of nothing.
        if any(first.holds(copy) for copy in copies):
            with suppress(NodeError):
                notes += await first.tidy()
    failures = tuple(each for each in told if isinstance(each, PlaceFailure))
    return Written(copies, failures, tuple(notes))


def named(what: str, progress: Progress | None) -> Callable[[int, int], None] | None:
    """Progress on one thing that moves."""
    if progress is None:
        return None
    told = progress
    return lambda done, total: told(what, done, total)


async def _write_once(
    group: Sequence[WritableStore], packed: _Packed, progress: Progress | None
) -> list[Copy | PlaceFailure]:
    """Written by the first that can; the others of a shared directory see the same file."""
    answers: list[Copy | PlaceFailure] = []
    for store in group:
        if isinstance(store, NodeStore) and any(isinstance(each, Copy) for each in answers):
            answers.append(await _confirm(store, packed))
        else:
            answers.append(await _write(store, packed, progress))
    return answers


async def _confirm(store: NodeStore, packed: _Packed) -> Copy | PlaceFailure:
    try:
        return await store.confirm(packed.name, packed.sha256)
    except RescueError as error:
        return PlaceFailure(store.kind, store.label, error.what, error.remedy)


async def _write(
    store: WritableStore, packed: _Packed, progress: Progress | None
) -> Copy | PlaceFailure:
    try:
        return await store.put(
            packed.file, packed.name, packed.sha256, named(store.label, progress)
        )
    except RescueError as error:
        return PlaceFailure(store.kind, store.label, error.what, error.remedy)
    except Exception as error:
        # One place at fault must not cost what the others have; the log has the traceback.
        logger.exception("writing to %s failed", store.label)
        message = one_line(f"{type(error).__name__}: {error}", 200)
        return PlaceFailure(store.kind, store.label, message, "see the log, and report it")
