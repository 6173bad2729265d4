"""The order in which keys are offered: those named first, then the agent's others.

A server ends the connection after a few refused keys (OpenSSH: six), so an agent full of keys must
not come before the key that the inventory or ssh_config names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import asyncssh

NO_KEY = b"no key"
"""An identity that no agent has."""


def public_parts(files: Sequence[Path | str]) -> list[bytes]:
    """The public keys of these private keys, read from beside them or from their own file."""
    parts = []
    for file in files:
        path = Path(file).expanduser()
        for place in (path.with_name(path.name + ".pub"), path):
            try:
                parts.append(asyncssh.read_public_key(place).public_data)
            except (OSError, asyncssh.KeyImportError):
                continue
            break
    return parts


class OtherAgentKeys:
    """The agent's keys that were not named; asked for when the named ones were refused."""

    def __init__(self) -> None:
        self.agent_path: str | None = None
        self.named: list[bytes] | None = None
        """Public parts of the named keys; None where none is, or no others are wanted."""
        self._agent: asyncssh.SSHAgentClient | None = None

    async def take(self) -> list[asyncssh.SSHKeyPair]:
        """The keys to try now; none at the second time."""
        if self.named is None or self._agent is not None or not self.agent_path:
            return []
        try:
            self._agent = await asyncssh.connect_agent(self.agent_path)
            keys = await self._agent.get_keys()
        except (OSError, ValueError, asyncssh.Error):
            return []
        return [key for key in keys if key.public_data not in self.named]

    def close(self) -> None:
        """Leave the agent alone."""
        if self._agent is not None:
            self._agent.close()
