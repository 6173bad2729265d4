"""Backup directories that several nodes share, over NFS as a rule: one file, seen by all of them.

Told by trying: every node leaves a mark of its own in its directory, and looks whose marks lie
there.
"""

from __future__ import annotations

import secrets
from asyncio import gather
from collections.abc import Iterable, Sequence

from recovery.backups.node_store import NodeStore

_PREFIX = ".etcd-rescue-shared-"
_SECONDS = 20.0

_MARK = """
umask 077
mkdir -p "$DIRECTORY"
: > "$DIRECTORY/$MARK"
"""

_LOOK = """
cd "$DIRECTORY"
for MARK in "$MARKS"*; do
  if [ -e "$MARK" ]; then printf '%s\\n' "$MARK"; fi
done
"""

_TAKE_AWAY = """
rm -f "$DIRECTORY/$MARK"
"""


async def by_directory(stores: Iterable[NodeStore]) -> tuple[tuple[NodeStore, ...], ...]:
    """The stores, those together that are one and the same directory.

    One whose node does not answer, or that cannot be written to, is alone: whoever writes there is
    told why.
    """
    every = tuple(stores)
    if len(every) < 2:
        return tuple((store,) for store in every)
    marks = f"{_PREFIX}{secrets.token_hex(8)}-"
    numbered = [(store, f"{marks}{number}") for number, store in enumerate(every)]
    try:
        marked = await gather(*(_say(store, _MARK, mark=mark) for store, mark in numbered))
        seen = await gather(*(_say(store, _LOOK, marks=marks) for store, _ in numbered))
    finally:
        await gather(*(_say(store, _TAKE_AWAY, mark=mark) for store, mark in numbered))
    groups: list[list[int]] = []
    for number, told in enumerate(seen):
        names = set((told or "").split()) if marked[number] is not None else set()
        others = [group for group in groups if any(numbered[each][1] in names for each in group)]
        if others:
            others[0].append(number)
        else:
            groups.append([number])
    return tuple(tuple(every[each] for each in group) for group in groups)


def in_words(group: Sequence[NodeStore]) -> str:
    """That they share it, for a person."""
    names = [store.node for store in group]
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed} share the directory {group[0].directory}: what lies there is one copy"


async def _say(store: NodeStore, body: str, **values: str) -> str | None:
    return await store.ask(body, timeout=_SECONDS, **values)
