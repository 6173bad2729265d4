"""Makes the README's pictures from the real program on the rehearsal cluster.

Run it from a checkout: `.venv/bin/python assets/pictures/make_pictures.py`. It restores the
rehearsal cluster once, and takes a picture at each stage.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from textual.pilot import Pilot

from recovery.incident import Incident
from recovery.inventory.load import load_inventory
from recovery.rehearsal.launcher import launched_rehearsal
from screens.dialogs.dialog import GRACE
from tui.app import RescueApp

HERE = Path(__file__).parent
SIZE = (100, 28)


async def main() -> None:
    """Snapshots, a comparison, a rehearsal, the question before danger, the restore, Recovered."""
    with tempfile.TemporaryDirectory() as home:
        async with launched_rehearsal() as rehearsal:
            cluster = load_inventory(rehearsal.inventory_path).clusters[0]
            incident = Incident(cluster, environ={"HOME": home})
            app = RescueApp([incident], log_path=Path(home) / "etcd-rescue.log")
            async with incident, app.run_test(size=SIZE) as pilot:
                await _restore(pilot)


async def _restore(pilot: Pilot[int]) -> None:
    await _shows(pilot, "objects changed")
    await _shows(pilot, "QUORUM LOST 1/3")
    _take(pilot, "snapshots")
    await pilot.press("d")
    await _shows(pilot, "own data  ")
    await pilot.press("enter")
    await _shows(pilot, "keys differ")
    _take(pilot, "comparison")
    await pilot.press("escape")
    await pilot.press("t")
    await _shows(pilot, "It serves")
    await pilot.press("escape")
    await pilot.press("r")
    await _shows(pilot, "read, then press w")
    await pilot.press("w")
    await _shows(pilot, "Enter: make the plan")
    await pilot.press("enter")
    await _shows(pilot, "nothing changed yet")
    await pilot.press("enter")
    await _shows(pilot, "staging directories")
    await asyncio.sleep(GRACE)
    await pilot.press("y")
    await _shows(pilot, "Type the cluster's name")
    # What lies beneath the question is drawn a moment after it.
    await _shows(pilot, "YOUR ANSWER")
    _take(pilot, "danger")
    await pilot.press(*"demo", "enter")
    await _shows(pilot, "step 8 of 11")
    _take(pilot, "restore")
    await _shows(pilot, "Restart kubelet on every node")
    await asyncio.sleep(GRACE)
    await pilot.press("y")
    await _shows(pilot, "RECOVERED 3/3")
    await _shows(pilot, "it is the snapshot's")
    _take(pilot, "recovered")


def _take(pilot: Pilot[int], name: str) -> None:
    pilot.app.save_screenshot(f"{name}.svg", str(HERE))


async def _shows(pilot: Pilot[int], words: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while words not in _text(pilot):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{words!r} never came:\n{_text(pilot)}")
        await asyncio.sleep(0.05)
    await pilot.pause()


def _text(pilot: Pilot[int]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


if __name__ == "__main__":
    asyncio.run(main())
