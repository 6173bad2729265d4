"""A rehearsal node for tests, and the commands that a person would type on it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recovery.rehearsal.node.layout import NodeLayout
from recovery.rehearsal.node.simulated_node import SimulatedNode

WAITS = (sys.executable, "-SE", "-c", "import signal; signal.pause()")
"""A program that runs until it is told to stop."""
IGNORES_SIGTERM = (
    sys.executable,
    "-SE",
    "-c",
    "import signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('deaf', flush=True)\nwhile True: signal.pause()",
)
FAILS = (sys.executable, "-SE", "-c", "import sys; print('cannot go on'); sys.exit(7)")


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Host:
    """A node, used as somebody with a shell on it would."""

    node: SimulatedNode

    @property
    def layout(self) -> NodeLayout:
        """Where its files lie."""
        return self.node.layout

    async def run(self, command: str, *, stdin: str = "") -> Said:
        """Run a shell command with the node's environment."""
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            command,
            env=self.node.environment(),
            cwd=self.layout.home,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 30)
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    async def ok(self, command: str, *, stdin: str = "") -> str:
        """The output of a command that succeeds."""
        said = await self.run(command, stdin=stdin)
        assert said.status == 0, said
        return said.out

    async def json(self, command: str) -> Any:
        """The JSON that a command prints."""
        return json.loads(await self.ok(command))

    async def ids(self, name: str, *options: str) -> list[str]:
        """The ids of the running containers of that name, newest first."""
        words = " ".join(options)
        return (await self.ok(f"crictl ps -q {words} --name '^{name}$'")).split()

    async def running(self, name: str) -> str:
        """The id of the running container of that name, waited for."""

        async def found() -> bool:
            return len(await self.ids(name)) == 1

        await until(found)
        return (await self.ids(name))[0]

    def write_manifest(
        self, name: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> Path:
        """Write a static pod whose command is `name` with the arguments."""
        return write_manifest(self.layout, name, arguments, environment or {})


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Return as soon as the condition holds; TimeoutError where it does not in time."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(0.05)


def write_manifest(
    layout: NodeLayout, name: str, arguments: Sequence[str], environment: Mapping[str, str]
) -> Path:
    """Write a static pod by renaming, as careful people do."""
    lines = [f"    - {word}" for word in (name, *arguments)]
    if environment:
        lines.append("    env:")
        lines += [f"    - {{name: {key}, value: '{environment[key]}'}}" for key in environment]
    text = "\n".join(
        [
            "apiVersion: v1",
            "kind: Pod",
            f"metadata: {{name: {name}, namespace: kube-system}}",
            "spec:",
            "  containers:",
            f"  - name: {name}",
            f"    image: registry.k8s.io/{name}:v1",
            "    command:",
            *lines,
            "",
        ]
    )
    path = layout.manifests / f"{name}.yaml"
    partial = layout.manifests / f".{name}.yaml.partial"
    partial.write_text(text)
    return partial.rename(path)
