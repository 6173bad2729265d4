"""No backup, but what a member still holds: the restore that loses least, by the commands alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.demo_cluster import Demo, running_demo

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]


@pytest.fixture(name="demo")
def demo_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("home")) as demo:
        yield demo


def own_data(demo: Demo, member: str) -> Any:
    """What the catalog says of this member's own data."""
    (found,) = [one for one in demo.json("snapshots")["memberData"] if one["member"] == member]
    return found


def stop_etcd(demo: Demo, name: str) -> None:
    """As a person would on that node."""
    root = demo.directory / "nodes" / name
    script = "systemctl stop kubelet && crictl rm -f $(crictl ps -q --name '^etcd$')"
    path = f"{root / 'usr/bin'}:{os.environ['PATH']}"
    subprocess.run(["/bin/sh", "-c", script], env={"PATH": path}, check=True, capture_output=True)


@pytest.mark.parametrize("running", [True, False], ids=["of a running member", "of a stopped one"])
def test_the_survivors_data_is_restored_on_all_members_and_nothing_is_lost(
    demo: Demo, running: bool
) -> None:
    held = demo.contents(demo.nodes()[0])
    if not running:
        stop_etcd(demo, "etcd-1")
    own = own_data(demo, "etcd-1")
    assert own["running"] is running
    assert own["usable"] is True
    restore = ["restore", own["name"], "--confirm", "demo"]
    if not running:
        refused = demo.command(*restore)
        assert refused.returncode == 3
        assert "write-ahead log" in refused.stderr
        restore.append("--acknowledge-warnings")
    ran = demo.command(*restore)
    assert ran.returncode == 0, ran.stderr
    for node in demo.nodes():
        assert demo.contents(node) == held, node["name"]
