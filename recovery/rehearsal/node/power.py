"""What switches a rehearsal node off and on, as the node sees it."""

from __future__ import annotations

from typing import Protocol


class Power(Protocol):
    """A node's power switch."""

    async def off(self) -> None:
        """Every process of the node is gone at once, and nothing listens there any more."""
        ...

    async def on(self) -> None:
        """It boots: another boot id, its SSH server listens, kubelet starts by itself."""
        ...
