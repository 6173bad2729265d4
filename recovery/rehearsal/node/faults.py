"""Faults that a rehearsal node can be given while it runs, by the command `fault` in its root.

fault kubelet-stays | kubelet-hangs | etcd-breaks | slow | noisy   until `fault none`
fault off | on | reboot [SECONDS]
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Sequence

from recovery.rehearsal.node.answer import Answer, refused
from recovery.rehearsal.node.power import Power

SLOW_SECONDS = 0.5
"""For which a slow node lets every command wait."""

_REBOOT_SECONDS = 3.0

BROKEN_ETCD = ("/bin/sh", "-c", "echo 'etcd: cannot open its database' >&2; exit 2")
"""What runs in etcd's container where etcd does not start."""

NOISE = "".join(
    f"{number} \x1b]52;c;ZXZpbA==\x07\x1b[2J[/red] \udcff\udcfe \u202e noise\n"
    for number in range(150_000)
)
"""Far more than can be shown, with escape sequences, markup, and bytes that are not UTF-8."""


class Fault(enum.Enum):
    """What can be wrong with a node."""

    KUBELET_STAYS = "kubelet-stays"
    """systemctl refuses to stop kubelet."""
    KUBELET_HANGS = "kubelet-hangs"
    """systemctl does not return from stopping kubelet."""
    ETCD_BREAKS = "etcd-breaks"
    """etcd's container ends as soon as it is started."""
    SLOW = "slow"
    """Every command over SSH waits before it begins."""
    NOISY = "noisy"
    """systemctl prints NOISE when it starts or stops kubelet."""
    OFF = "off"


class Faults:
    """The faults of one node at the moment."""

    def __init__(self) -> None:
        self._present: set[Fault] = set()
        self._changed = asyncio.Condition()

    def __contains__(self, fault: Fault) -> bool:
        return fault in self._present

    async def become(self, present: set[Fault]) -> None:
        """These from now on, and no others."""
        async with self._changed:
            self._present = present
            self._changed.notify_all()

    async def add(self, fault: Fault) -> None:
        """This one too."""
        await self.become(self._present | {fault})

    async def over(self, fault: Fault) -> None:
        """Wait until the node does not have it any more."""
        async with self._changed:
            await self._changed.wait_for(lambda: fault not in self._present)


async def fault_command(faults: Faults, power: Power | None, arguments: Sequence[str]) -> Answer:
    """The command `fault`: answers once the node has the fault, or is up again."""
    verb, *rest = arguments or ["none"]
    if verb == "none":
        await faults.become({fault for fault in (Fault.OFF,) if fault in faults})
    elif verb in ("off", "on", "reboot"):
        if power is None:
            return refused("fault", verb)
        if verb != "on":
            await faults.add(Fault.OFF)
            await power.off()
        if verb == "reboot":
            await asyncio.sleep(float(rest[0]) if rest else _REBOOT_SECONDS)
        if verb != "off":
            await faults.become(set())
            await power.on()
    elif verb in {fault.value for fault in Fault}:
        await faults.add(Fault(verb))
    else:
        return refused("fault", verb)
    return Answer()
