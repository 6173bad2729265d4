"""Switches a rehearsal node off and on: what a power cut and a reboot do to a real one."""

from __future__ import annotations

import asyncio
import shlex
import uuid

from recovery.rehearsal.node.processes import NODE_MARKER, kill_marked
from recovery.rehearsal.node.simulated_node import SimulatedNode
from recovery.rehearsal.ssh_servers import NodeSshServer

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class NodePower:
    """One node's switch, and its SSH server's."""

    def __init__(self, node: SimulatedNode, server: NodeSshServer) -> None:
        self._node = node
        self._server = server

    async def off(self) -> None:
        """No process of the node gets a word in: kubelet, containers, connections, jobs."""
        await self._server.stop_listening()
        self._server.cut()
        await self._node.kubelet.stop()
        for container in list(self._node.runtime.containers.values()):
            await self._node.runtime.stop(container, 0)
        await asyncio.to_thread(kill_marked, self._node.layout.root, NODE_MARKER)

    async def on(self) -> None:
        """kubelet is enabled, so it starts; the containers of before are listed as ended."""
        self._write_boot_id()
        self._node.kubelet.start()
        await self._server.listen()

    def _write_boot_id(self) -> None:
        # The machine's own file cannot be changed: the node reads it through a cat of its own.
        layout = self._node.layout
        told = layout.root / "boot_id"
        told.write_text(f"{uuid.uuid4()}\n")
        cat = layout.commands / "cat"
        own = f"exec /bin/cat {shlex.quote(str(told))}"
        cat.write_text(f'#!/bin/sh\nif [ "$*" = {_BOOT_ID} ]; then {own}; fi\nexec /bin/cat "$@"\n')
        cat.chmod(0o755)
