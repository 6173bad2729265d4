"""Waiting for work that cleans up after itself, whoever stops waiting."""

from __future__ import annotations

import asyncio
from typing import TypeVar

Result = TypeVar("Result")


async def to_its_end(task: asyncio.Task[Result]) -> Result:
    """Wait for the task. It is cancelled once, however often the waiting is: nothing may cut
    its cleaning up short.
    """
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise
