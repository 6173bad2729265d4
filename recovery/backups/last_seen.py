"""The last EtcdBackupConfiguration that was seen of a cluster, kept for when its etcd is dead.

It holds no secrets. The file's own time says when it was seen.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from recovery.backups.disk import whole_file
from recovery.errors import RescueError
from recovery.places import make_private

logger = logging.getLogger(__name__)


def remember(resource: Mapping[str, object], path: Path) -> None:
    """Keep the resource; the file is complete at any time. Blocks.

    Where it cannot be kept, as on a full disk, what an API server said is as true all the same.
    """
    try:
        make_private(path.parent)
        with whole_file(path) as file:
            file.write(json.dumps(resource).encode())
    except (OSError, RescueError) as error:
        logger.warning("the configuration that was seen could not be kept: %s", error)


def remembered(path: Path) -> tuple[bytes, datetime] | None:
    """The resource as JSON, and when it was seen (UTC); None where there is none. Blocks."""
    try:
        return path.read_bytes(), datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None
