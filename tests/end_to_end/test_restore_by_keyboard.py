"""The interface at 80×24, by keyboard alone, from launch to Recovered, on the real thing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from recovery.incident import Incident
from recovery.inventory.load import load_inventory
from screens.dialogs import dialog
from tests.end_to_end.demo_cluster import Demo, running_demo
from tests.end_to_end.snapshot_contents import contents_by_etcd
from tests.screens.looking import text_on_screen
from tui.app import RescueApp

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]


@pytest.fixture(name="demo", scope="module")
def demo_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("home")) as demo:
        yield demo


async def shows(pilot: Pilot[int], words: str, seconds: float = 60) -> None:
    """Wait until the words stand on the screen."""
    deadline = time.monotonic() + seconds
    while words not in text_on_screen(pilot.app):
        if time.monotonic() > deadline:
            raise AssertionError(f"{words!r} never came:\n{text_on_screen(pilot.app)}")
        await asyncio.sleep(0.05)
    await pilot.pause()


async def test_a_person_who_follows_the_highlighted_choice_gets_to_recovered(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialog, "GRACE", 0.0)
    cluster = load_inventory(demo.inventory).clusters[0]
    incident = Incident(cluster, environ={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    app = RescueApp([incident], log_path=tmp_path / "etcd-rescue.log")
    async with incident, app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "It is the newest that verifies")
        await shows(pilot, "QUORUM LOST 1/3")
        await pilot.press("enter")
        await shows(pilot, "RESOURCES")
        await pilot.press("enter")
        await shows(pilot, "read, then press w")
        await pilot.press("w")
        await shows(pilot, "Enter: make the plan")
        await pilot.press("enter")
        await shows(pilot, "nothing changed yet")
        await pilot.press("enter")
        await shows(pilot, "Write to the nodes' staging directories")
        await pilot.press("y")
        await shows(pilot, "Type the cluster's name to go on")
        await pilot.press(*"prod", "enter")
        await shows(pilot, "The API goes down now")
        assert all(node_runs_kubelet(demo, name) for name in ("etcd-1", "etcd-2", "etcd-3"))
        await pilot.press(*["backspace"] * 4, *"demo", "enter")
        await shows(pilot, "Restart kubelet on every node", 180)
        await pilot.press("y")
        await shows(pilot, "RECOVERED 3/3", 180)
        await shows(pilot, "it is the snapshot's")

    wanted = contents_by_etcd(newest_good_backup(demo), tmp_path / "scratch")
    for node in demo.nodes():
        assert demo.contents(node) == wanted, node["name"]


def newest_good_backup(demo: Demo) -> Path:
    """The last but one: the newest file of the demo is the corrupt one."""
    return sorted(Path(demo.nodes()[0]["paths"]["backups"]).iterdir())[-2]


def node_runs_kubelet(demo: Demo, name: str) -> bool:
    """Whether kubelet is active there, asked on the node itself."""
    import subprocess

    systemctl = demo.directory / "nodes" / name / "usr/bin/systemctl"
    return subprocess.run([systemctl, "is-active", "--quiet", "kubelet"]).returncode == 0
