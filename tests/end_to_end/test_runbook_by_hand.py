"""The runbook works without this program: read from top to bottom, pasted into shells on nodes."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.demo_cluster import Demo, running_demo
from tests.end_to_end.snapshot_contents import contents_by_etcd

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]

_SCRIPT = re.compile(r"^On ([^\n]*?)(?:, one after another)?:\n\n```sh\n(.*?)^```$", re.M | re.S)


@pytest.fixture(name="demo", scope="module")
def demo_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("home")) as demo:
        yield demo


def go_through(demo: Demo, text: str) -> None:
    """Paste every script into a shell of each node that it is for."""
    for nodes, script in _SCRIPT.findall(text):
        for node in nodes.split(", "):
            told = pasted(demo.directory / "nodes" / node, script)
            assert "still here: 0" in told.stdout, f"{node}: {script}{told.stdout}{told.stderr}"


def pasted(root: Path, script: str) -> subprocess.CompletedProcess[str]:
    """A root shell on a node, which outlives what is pasted into it."""
    return subprocess.run(
        ["/bin/sh"],
        input=f"{script}\necho still here: $?\n",
        env={"PATH": f"{root / 'usr/bin'}:{os.environ['PATH']}"},
        text=True,
        capture_output=True,
        timeout=120,
    )


def test_a_lost_cluster_is_restored_by_the_printed_runbook_and_led_back_by_its_end(
    demo: Demo, tmp_path: Path
) -> None:
    printed = demo.command("plan", "latest")
    assert printed.returncode == 0, printed.stderr
    forth, heading, back = printed.stdout.partition("## The way back")
    old_data = [directory(demo, node) for node in ("etcd-1", "etcd-2", "etcd-3")]
    go_through(demo, forth)

    health = demo.command("health", "--wait", "60")
    assert health.returncode == 0, health.stdout
    named = re.search(r"^Snapshot: `[^`]*` from `etcd-\d:([^`]*)`", forth, re.M)
    assert named is not None
    wanted = contents_by_etcd(Path(named[1]), tmp_path / "scratch")
    for node in demo.nodes():
        assert demo.contents(node) == wanted, node["name"]

    go_through(demo, heading + back)
    assert [directory(demo, node) for node in ("etcd-1", "etcd-2", "etcd-3")] == old_data
    assert demo.json("check")["diagnosis"]["state"] == "quorum-lost"


def directory(demo: Demo, node: str) -> int:
    """The inode of a node's `member`, which a rename does not change."""
    return (demo.directory / "nodes" / node / "var/lib/etcd/member").stat().st_ino
