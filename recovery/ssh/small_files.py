"""Small files of a node, read and written as a whole."""

from __future__ import annotations

import asyncio
import hashlib

from recovery.ssh.output import Kept
from recovery.ssh.plain_text import plain_text
from recovery.ssh.receiving import absolute, not_received, receive_script
from recovery.ssh.running_script import keep
from recovery.ssh.script import script
from recovery.ssh.session import NodeSession


async def read_file(session: NodeSession, path: str, *, limit: int, timeout: float) -> bytes:
    """See NodeSession.read_file."""
    content = bytearray()
    errors = Kept()
    body = script('exec cat "$FILE"', file=absolute(path))
    try:
        async with session.running(body) as run, asyncio.timeout(timeout):
            run.send_end()
            async with keep(run.stderr(), errors):
                async for chunk in run.stdout():
                    content += chunk
                    if len(content) > limit:
                        raise session.failure(f"{path} is larger than {limit} bytes", None, "")
            await run.wait()
    except TimeoutError:
        raise session.failure(f"{path} was not read within {timeout:g} s", None, "") from None
    session.require_begun(run, errors)
    if run.exit_status != 0:
        said = plain_text(errors.text())
        raise session.failure(f"{path} cannot be read", run.exit_status, said)
    return bytes(content)


async def write_file(
    session: NodeSession, path: str, content: bytes, *, mode: int, timeout: float
) -> None:
    """See NodeSession.write_file."""
    digest = hashlib.sha256(content).hexdigest()
    result = await session.run(receive_script(path, digest, mode), timeout=timeout, stdin=content)
    if not result.succeeded:
        raise not_received(session.node.name, path, result.exit_status, result.stderr)
