"""The last EtcdBackupConfiguration that was seen of a cluster, kept for when its etcd is dead.

It holds no secrets. The file's own time says when it was seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from recovery.places import make_private


def remember(resource: Mapping[str, object], path: Path) -> None:
    """Keep the resource; the file is complete at any time. Blocks."""
    make_private(path.parent)
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(resource))
    partial.replace(path)


def remembered(path: Path) -> tuple[bytes, datetime] | None:
    """The resource as JSON, and when it was seen (UTC); None where there is none. Blocks."""
    try:
        return path.read_bytes(), datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None
