"""A host as a person types it for SSH: `[USER@]HOST[:PORT]`."""

from __future__ import annotations

from dataclasses import dataclass

from recovery.errors import UsageError
from recovery.inventory import wording


@dataclass(frozen=True, slots=True)
class SshAddress:
    """User and port are None where they are left to ssh_config."""

    user: str | None
    host: str
    port: int | None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host and self.port else self.host
        return f"{user}{host}{f':{self.port}' if self.port else ''}"


def parse_address(text: str) -> SshAddress:
    """The parts; an IPv6 address with a port stands in brackets. Raises UsageError."""
    user, _, rest = text.strip().removeprefix("ssh://").rpartition("@")
    host, port = rest, ""
    if rest.startswith("["):
        host, _, behind = rest[1:].partition("]")
        port = behind.removeprefix(":")
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
    wrong = wording.host(host) or (wording.user(user) if user else None)
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        wrong = f"{port!r} is no port"
    if wrong:
        raise UsageError(wrong, where=text.strip() or "the host", remedy="[USER@]HOST[:PORT]")
    return SshAddress(user or None, host, int(port) if port else None)
