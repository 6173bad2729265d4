"""One node's directories with difficult names, and the scripts of a plan run on them for real."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from recovery.inventory.model import NodePaths
from recovery.restore.plan import Plan
from recovery.restore.planner import PlanOptions, plan
from tests.restore.broken_cluster import SOURCE, facts, node_facts


@dataclass
class Disk:
    """One node's directories, and the plan that works on them."""

    root: Path
    data_dir: Path
    plan: Plan

    def run(self, step: str, action: str, kind: str = "script") -> subprocess.CompletedProcess[str]:
        """Run one script of etcd-1 under the strictest common shell."""
        chosen = next(a for a in self.plan.step(step).actions if a.id == action)
        script = getattr(chosen.works[0], kind)
        path = f"{self.root / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", "-c", script], text=True, capture_output=True, env={"PATH": path}
        )

    def kubelet_is(self, state: str) -> None:
        """Have `systemctl is-active kubelet` say this, as systemd does."""
        command = self.root / "bin/systemctl"
        command.parent.mkdir(exist_ok=True)
        command.write_text(
            f'#!/bin/sh\n[ "$1" = is-active ] || exit 0\necho {state}\n[ {state} = active ]\n'
        )
        command.chmod(0o755)

    @property
    def staging(self) -> Path:
        return self.data_dir.parent / f".etcd-rescue-{self.plan.run_id}"


@pytest.fixture(name="disk", params=["plain", 'it\'s a $(touch pwned) "dir"'])
def disk_fixture(tmp_path: Path, request: pytest.FixtureRequest) -> Disk:
    root = tmp_path / str(request.param)
    data_dir = root / "var/lib/etcd"
    kubernetes = root / "etc/kubernetes"
    manifests = kubernetes / "manifests"
    paths = NodePaths(
        manifests=str(manifests),
        kubernetes=str(kubernetes),
        data_dir=str(data_dir),
        work=str(root / "root/etcd-rescue"),
    )
    first = node_facts(1, paths=paths, state="new")
    assert first.manifest is not None
    assert first.data_dir is not None
    owner = f"{os.getuid()}:{os.getgid()}"
    first = dataclasses.replace(first, data_dir=dataclasses.replace(first.data_dir, owner=owner))
    assert first.manifest is not None
    (data_dir / "member/snap").mkdir(parents=True)
    (data_dir / "member/snap/db").write_bytes(b"the old data")
    manifests.mkdir(parents=True)
    (manifests / "etcd.yaml").write_text(first.manifest.text)
    (manifests / "etcd.yaml").chmod(0o640)
    planned = plan(facts(first, node_facts(2), node_facts(3)), SOURCE, PlanOptions("run-1"))
    return Disk(root, data_dir, planned)


def put_restored_member(disk: Disk) -> None:
    restored = disk.staging / "restored/member"
    (restored / "snap").mkdir(parents=True)
    (restored / "wal").mkdir()
    (restored / "snap/db").write_bytes(b"the new data")
    (restored / "wal/0000000000000000-0000000000000000.wal").write_bytes(b"log")


def good(ran: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    return ran


def stage(disk: Disk) -> None:
    good(disk.run("stage", "make-directories"))
    good(disk.run("stage", "keep-configuration"))
