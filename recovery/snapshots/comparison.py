"""Compare two snapshots: what the newer one has that the older one lacks, and the other way."""

from __future__ import annotations

import asyncio
import enum
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from recovery.snapshots.reading_process import Progress, read_document

_ROOT = Path(__file__).parents[2]
_START = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from recovery.snapshots import difference; sys.exit(difference.main(sys.argv[1:]))"
)


class Change(enum.Enum):
    """What became of a key from the older snapshot to the newer one."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key that differs."""

    key: str
    """As text; bytes that a terminal would not bear are written `\\xNN`."""
    change: Change
    resource: str
    """Empty for a key that is not Kubernetes'."""
    namespace: str
    """Empty for what lies in none."""


@dataclass(frozen=True, slots=True)
class ChangeCount:
    """How many keys of a resource, or of a namespace, differ."""

    name: str
    added: int
    removed: int
    changed: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """All keys that differ, in their order."""

    keys: tuple[KeyChange, ...]
    in_full: bool
    """False where the newer one goes on from the older one, so that only what is new was read."""

    def count(self, change: Change) -> int:
        """How many keys changed in that way."""
        return sum(key.change is change for key in self.keys)

    def by_resource(self) -> tuple[ChangeCount, ...]:
        """Counted by resource, those with the most changes first."""
        return _counted((key.resource, key.change) for key in self.keys)

    def by_namespace(self) -> tuple[ChangeCount, ...]:
        """Counted by namespace, those with the most changes first."""
        return _counted((key.namespace, key.change) for key in self.keys)


async def compare_databases(old: Path, new: Path, progress: Progress | None = None) -> Comparison:
    """Compare two verified databases by key, modification revision and value.

    Runs in a process of its own, which cancelling ends. Raises SnapshotError where a file cannot
    be read or is damaged.
    """
    command = (sys.executable, "-I", "-S", "-c", _START, str(_ROOT), str(old), str(new))
    document = await read_document(command, new, progress)
    # A hundred thousand keys would hold up the screen for a quarter of a second.
    return await asyncio.to_thread(_comparison, document)


def _comparison(document: dict[str, object]) -> Comparison:
    keys = cast(list[tuple[str, str, str, str]], document["keys"])
    return Comparison(
        keys=tuple(
            KeyChange(key, Change(change), resource, namespace)
            for key, change, resource, namespace in keys
        ),
        in_full=bool(document["comparedInFull"]),
    )


def diff_document(cluster: str, old: str, new: str, comparison: Comparison) -> dict[str, object]:
    """The document of `diff -o json`; `old` and `new` are the snapshots' names."""
    return {
        "cluster": cluster,
        "old": old,
        "new": new,
        **{change.value: comparison.count(change) for change in Change},
        "keys": [{"key": key.key, "change": key.change.value} for key in comparison.keys],
        "resources": _counts("resource", comparison.by_resource()),
        "namespaces": _counts("namespace", comparison.by_namespace()),
    }


def _counts(kind: str, counts: Iterable[ChangeCount]) -> list[dict[str, object]]:
    return [
        {kind: each.name, "added": each.added, "removed": each.removed, "changed": each.changed}
        for each in counts
    ]


def _counted(changes: Iterable[tuple[str, Change]]) -> tuple[ChangeCount, ...]:
    counter = Counter(changes)
    counts = [
        ChangeCount(name, *(counter[name, change] for change in Change))
        for name in {name for name, _ in counter if name}
    ]
    return tuple(
        sorted(counts, key=lambda each: (-each.added - each.removed - each.changed, each.name))
    )
