"""Which process on which machine: whether a program that began something still runs."""

from __future__ import annotations

import getpass
import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, told from every other, also after its id was used again."""

    machine: str
    """The same for all processes that can see each other, and for no others."""
    boot: str
    pid: int
    started: str
    """When it started, in clock ticks since the boot (field 22 of /proc/PID/stat)."""

    @classmethod
    def mine(cls) -> ProcessIdentity:
        """This process."""
        pid = os.getpid()
        return cls(_machine(), _boot(), pid, _started(pid))

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine now."""
        return self.machine == _machine() and not self.is_gone

    @property
    def is_gone(self) -> bool:
        """Whether it is known to have ended; of another machine's process nobody knows."""
        if self.machine != _machine():
            return False
        return self.boot != _boot() or _started(self.pid) != self.started


def operator_name() -> str:
    """`user@host` of whoever runs this program."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{platform.node()}"


def _machine() -> str:
    identity = ""
    with suppress(OSError):
        identity = Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()
    namespace = ""
    with suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").readlink())
    return f"{platform.node()}/{identity}/{namespace}"


def _boot() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _started(pid: int) -> str:
    """Empty where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
