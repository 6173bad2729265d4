"""The live keys of one snapshot as a list: a million of them cost what twenty do."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from recovery.snapshots.key_catalog import KeysWanted, SnapshotKeys, StoredKey
from screens.comparison_text import NO_NAMESPACE, NOT_KUBERNETES
from screens.marks import cell, line
from screens.widgets.long_list import LongList
from screens.wording import cut, thousands

_REVISION = 12
_WITH_REVISION = 100
"""From so many cells on, the revision of the last change stands there, too."""


class StoredKeyList(LongList):
    """The wanted ones of all keys; the cursor stays on its key while others come and go."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._keys: SnapshotKeys | None = None

    @property
    def chosen(self) -> StoredKey | None:
        """The key under the cursor."""
        place = self.place
        return self._keys.key(place) if self._keys is not None and place is not None else None

    def show_keys(self, keys: SnapshotKeys, places: Sequence[int]) -> None:
        """Show the keys at these places (ascending) of all keys."""
        self._keys = keys
        self.show_places(places, lambda place, width: _draw(keys.key(place), width))


def key_heads(width: int) -> Content:
    """The names of the columns, where their contents stand."""
    resource, namespace, name = _widths(width)
    heads = line(
        " ", cell("Resource", resource), cell("Namespace", namespace), cell("Name", name)
    ).plain
    if width >= _WITH_REVISION:
        heads += f"{'Revision':>{_REVISION}}"
    return Content.styled(heads, "$muted")


def wanted_words(wanted: KeysWanted) -> str:
    """What is looked for, as it stands behind a count; empty for everything."""
    parts = []
    if wanted.resource is not None:
        parts.append(f"of {wanted.resource}" if wanted.resource else NOT_KUBERNETES)
    if wanted.namespace is not None:
        parts.append(f"in {wanted.namespace}" if wanted.namespace else NO_NAMESPACE)
    if wanted.text:
        parts.append(f"with “{wanted.text}”")
    return ", ".join(parts)


def _draw(key: StoredKey, width: int) -> Content:
    resource, namespace, name = _widths(width)
    revision = thousands(key.revision) if width >= _WITH_REVISION else ""
    if key.resource:
        words = [
            cell(cut(key.resource, resource - 2), resource),
            cell(Content.styled(cut(key.namespace or "–", namespace - 2), "$muted"), namespace),
            cell(cut(key.name, name - 1), name),
        ]
    else:
        words = [cell(cut(key.text, width - _REVISION - 3), resource + namespace + name)]
    at = cell(Content.styled(revision, "$muted"), _REVISION, right=True) if revision else ""
    return line(" ", *words, at)


def _widths(width: int) -> tuple[int, int, int]:
    """Of the resource, the namespace and the name."""
    room = width - 2 - (_REVISION if width >= _WITH_REVISION else 0)
    resource = max(12, min(36, room * 27 // 100))
    namespace = max(12, min(32, room * 27 // 100))
    return resource, namespace, max(8, room - resource - namespace)
