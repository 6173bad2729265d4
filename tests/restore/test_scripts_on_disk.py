"""The scripts that move data, run for real on directories with difficult names."""

from __future__ import annotations

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
        return subprocess.run(["sh", "-c", script], text=True, capture_output=True)

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
    import dataclasses

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


def test_old_data_is_renamed_not_copied_and_comes_back_byte_for_byte(disk: Disk) -> None:
    before = (disk.data_dir / "member").stat().st_ino
    stage(disk)
    good(disk.run("set-aside", "set-data-aside"))
    assert (disk.staging / "aside/member").stat().st_ino == before
    assert not (disk.data_dir / "member").exists()
    good(disk.run("set-aside", "set-data-aside", "undo"))
    assert (disk.data_dir / "member").stat().st_ino == before
    assert (disk.data_dir / "member/snap/db").read_bytes() == b"the old data"


def test_every_moving_script_can_be_run_twice(disk: Disk) -> None:
    for _ in range(2):
        stage(disk)
    for _ in range(2):
        good(disk.run("set-aside", "set-data-aside"))
    for _ in range(2):
        good(disk.run("manifest", "edit-manifest"))
    put_restored_member(disk)
    for _ in range(2):
        good(disk.run("place", "place-member"))
    assert (disk.data_dir / "member/snap/db").read_bytes() == b"the new data"
    assert (disk.staging / "aside/member/snap/db").read_bytes() == b"the old data"


def test_setting_aside_again_after_the_new_data_is_in_place_leaves_it_alone(disk: Disk) -> None:
    stage(disk)
    good(disk.run("set-aside", "set-data-aside"))
    put_restored_member(disk)
    good(disk.run("place", "place-member"))
    good(disk.run("set-aside", "set-data-aside"))
    assert (disk.data_dir / "member/snap/db").read_bytes() == b"the new data"


def test_probes_tell_done_from_not_done(disk: Disk) -> None:
    actions = [
        ("stage", "make-directories"),
        ("stage", "keep-configuration"),
        ("set-aside", "set-data-aside"),
        ("manifest", "edit-manifest"),
        ("place", "place-member"),
    ]
    for step, action in actions:
        if action == "place-member":
            put_restored_member(disk)
        assert disk.run(step, action, "probe").returncode != 0, action
        good(disk.run(step, action))
        assert disk.run(step, action, "probe").returncode == 0, action


def test_nothing_is_placed_over_data_that_was_not_set_aside(disk: Disk) -> None:
    stage(disk)
    put_restored_member(disk)
    refused = disk.run("place", "place-member")
    assert refused.returncode == 1
    assert "was not set aside" in refused.stderr
    assert (disk.data_dir / "member/snap/db").read_bytes() == b"the old data"


def test_a_node_whose_data_is_gone_has_nothing_to_set_aside_and_goes_on(disk: Disk) -> None:
    (disk.data_dir / "member").rename(disk.root / "elsewhere")
    stage(disk)
    good(disk.run("set-aside", "set-data-aside"))
    put_restored_member(disk)
    good(disk.run("place", "place-member"))
    assert (disk.data_dir / "member/snap/db").read_bytes() == b"the new data"


def test_the_placed_member_goes_back_to_staging_never_away(disk: Disk) -> None:
    stage(disk)
    good(disk.run("set-aside", "set-data-aside"))
    put_restored_member(disk)
    good(disk.run("place", "place-member"))
    good(disk.run("place", "place-member", "undo"))
    good(disk.run("set-aside", "set-data-aside", "undo"))
    assert (disk.data_dir / "member/snap/db").read_bytes() == b"the old data"
    assert (disk.staging / "restored/member/snap/db").read_bytes() == b"the new data"


def test_the_edited_manifest_keeps_its_mode_and_goes_back_as_it_was(disk: Disk) -> None:
    stage(disk)
    manifest = Path(disk.plan.manifest_edits[0].path)
    before = manifest.read_bytes()
    good(disk.run("manifest", "edit-manifest"))
    assert b"--initial-cluster-state=existing" in manifest.read_bytes()
    assert manifest.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in manifest.parent.iterdir()] == ["etcd.yaml"]
    good(disk.run("manifest", "edit-manifest", "undo"))
    assert manifest.read_bytes() == before


def test_a_manifest_that_changed_since_the_plan_is_not_overwritten(disk: Disk) -> None:
    stage(disk)
    manifest = Path(disk.plan.manifest_edits[0].path)
    manifest.write_text("somebody else was here\n")
    assert disk.run("preflight", "recheck-node").returncode == 1
    refused = disk.run("manifest", "edit-manifest")
    assert refused.returncode == 1
    assert manifest.read_text() == "somebody else was here\n"


def test_kubelet_is_not_started_on_an_empty_data_directory(disk: Disk) -> None:
    stage(disk)
    good(disk.run("set-aside", "set-data-aside"))
    refused = disk.run("start", "start-kubelet")
    assert refused.returncode == 1
    assert "kubelet stays stopped" in refused.stderr


def test_values_in_scripts_are_never_run(disk: Disk) -> None:
    stage(disk)
    good(disk.run("set-aside", "set-data-aside"))
    assert not list(disk.root.parent.rglob("pwned"))
    assert not Path("pwned").exists()
