"""Why a node's etcd does not run, as its container's own last words tell it. Facts only."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ExitCause(enum.Enum):
    """What keeps etcd from running, as far as its log tells."""

    DATA = "its data cannot be used"
    MEMBERSHIP = "it does not belong to this cluster any more"
    CERTIFICATE = "a certificate"
    DISK_FULL = "a full disk"
    PORT_IN_USE = "its port is taken"
    PERMISSION = "files that it may not read"
    UNKNOWN = "not known"

    @property
    def spoils_data(self) -> bool:
        """Whether starting it again cannot help: its data or its membership is gone."""
        return self in (ExitCause.DATA, ExitCause.MEMBERSHIP)


@dataclass(frozen=True, slots=True)
class EtcdExit:
    """The last words of one etcd container; all of it is plain text, and cut."""

    container_id: str
    attempt: int
    running: bool
    """It runs, and does not answer; then these are not its last words."""
    exit_code: int | None
    reason: str
    """The line that says it best; empty where the log says nothing."""
    cause: ExitCause
    lines: tuple[str, ...]
    """The end of the log, shortened to what it says."""
