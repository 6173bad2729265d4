"""The scripts that move data, run for real on directories with difficult names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.restore.node_disk import Disk, disk_fixture, good, put_restored_member, stage

__all__ = ["disk_fixture"]


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


@pytest.mark.parametrize("had_data", [True, False])
def test_what_a_node_that_booted_in_between_has_made_is_kept_out_of_the_way(
    disk: Disk, had_data: bool
) -> None:
    stage(disk)
    if not had_data:
        (disk.data_dir / "member").rename(disk.root / "lost")
    good(disk.run("set-aside", "set-data-aside"))
    (disk.data_dir / "member/snap").mkdir(parents=True)
    (disk.data_dir / "member/snap/db").write_bytes(b"an empty beginning")
    put_restored_member(disk)
    good(disk.run("set-aside", "set-data-aside"))
    good(disk.run("place", "place-member"))
    assert (disk.data_dir / "member/snap/db").read_bytes() == b"the new data"
    (kept,) = disk.staging.glob("in-the-way-*/member/snap/db")
    assert kept.read_bytes() == b"an empty beginning"
    good(disk.run("place", "place-member", "undo"))
    good(disk.run("set-aside", "set-data-aside", "undo"))
    old = disk.data_dir / "member/snap/db"
    assert old.read_bytes() == b"the old data" if had_data else not old.exists()


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


def test_a_manifest_that_a_person_changed_under_the_restored_member_is_theirs(disk: Disk) -> None:
    """As where the quota had to be raised before the alarm could be cleared, then `resume`."""
    stage(disk)
    good(disk.run("manifest", "edit-manifest"))
    manifest = Path(disk.plan.manifest_edits[0].path)
    raised = manifest.read_text() + "# with a larger quota\n"
    manifest.write_text(raised)
    assert disk.run("manifest", "edit-manifest", "probe").returncode == 1
    assert disk.run("manifest", "edit-manifest").returncode == 1
    (disk.staging / "started").touch()
    assert disk.run("manifest", "edit-manifest", "probe").returncode == 0
    good(disk.run("manifest", "edit-manifest"))
    assert manifest.read_text() == raised


@pytest.mark.parametrize("changed", ["# with a larger quota\n", None], ids=["changed", "gone"])
def test_after_a_rollback_the_first_manifest_is_back_whatever_a_person_made_of_it(
    disk: Disk, changed: str | None
) -> None:
    stage(disk)
    manifest = Path(disk.plan.manifest_edits[0].path)
    before = manifest.read_bytes()
    good(disk.run("manifest", "edit-manifest"))
    if changed is not None:
        manifest.write_bytes(manifest.read_bytes() + changed.encode())
        theirs = manifest.read_bytes()
    else:
        manifest.unlink()
    assert disk.run("manifest", "edit-manifest", "undone").returncode == 1
    told = good(disk.run("manifest", "edit-manifest", "undo")).stdout
    assert manifest.read_bytes() == before
    assert manifest.stat().st_mode & 0o777 == 0o640
    assert disk.run("manifest", "edit-manifest", "undone").returncode == 0
    kept = list(disk.root.rglob("etcd.yaml.changed.*"))
    if changed is not None:
        assert [path.read_bytes() for path in kept] == [theirs]
        assert f"somebody has changed etcd.yaml since: that one is kept as {kept[0]}" in told
    else:
        assert kept == []
        assert "the one from before is put back" in told


def test_a_manifest_that_this_run_never_edited_is_not_taken_back(disk: Disk) -> None:
    stage(disk)
    manifest = Path(disk.plan.manifest_edits[0].path)
    manifest.write_text("somebody else was here\n")
    assert disk.run("manifest", "edit-manifest", "undone").returncode == 0
    good(disk.run("manifest", "edit-manifest", "undo"))
    assert manifest.read_text() == "somebody else was here\n"


def test_old_data_that_a_person_has_put_back_is_not_taken_for_the_restored(disk: Disk) -> None:
    disk.kubelet_is("inactive")
    stage(disk)
    good(disk.run("set-aside", "set-data-aside"))
    put_restored_member(disk)
    good(disk.run("place", "place-member"))
    member = disk.data_dir / "member"
    member.rename(disk.root / "the restored one")
    (disk.staging / "aside/member").rename(member)
    good(disk.run("place", "place-member", "undo"))
    assert disk.run("place", "place-member", "undone").returncode == 0
    assert (member / "snap/db").read_bytes() == b"the old data"
    good(disk.run("set-aside", "set-data-aside", "undo"))
    assert (member / "snap/db").read_bytes() == b"the old data"


def test_old_data_that_a_person_has_changed_is_said_with_the_way_on(disk: Disk) -> None:
    disk.kubelet_is("inactive")
    stage(disk)
    good(disk.run("set-aside", "set-data-aside"))
    (disk.staging / "aside/member/snap/db").write_bytes(b"changed on purpose")
    refused = disk.run("set-aside", "set-data-aside", "undo")
    assert refused.returncode == 1
    assert "is not what was set aside" in refused.stderr
    assert f"touch '{disk.staging / 'back'}'" in refused.stderr
    (disk.staging / "back").touch()
    assert disk.run("set-aside", "set-data-aside", "undone").returncode == 0


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


def kubelet(disk: Disk, state: str, containers: str = "") -> Path:
    """Programs of a node whose kubelet is in that state, and where that container runs."""
    programs = disk.root / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "state").write_text(f"{state}\n")
    (programs / "systemctl").write_text(
        '#!/bin/sh\ncd "${0%/*}"\ncase $1 in\n'
        "  is-active) cat state; exec grep -qx active state ;;\n"
        "  stop) echo inactive > state ;;\n"
        "  start) echo active > state ;;\nesac\n"
    )
    (programs / "crictl").write_text(
        f'#!/bin/sh\ncase "$*" in *{containers or "none"}*) echo an-id ;; esac\n'
    )
    for program in ("systemctl", "crictl"):
        (programs / program).chmod(0o755)
    return programs / "state"


@pytest.mark.parametrize("before", ["inactive", "failed"])
def test_the_way_back_leaves_kubelet_stopped_where_it_had_been_stopped(
    disk: Disk, before: str
) -> None:
    stage(disk)
    state = kubelet(disk, before)
    good(disk.run("stop", "stop-kubelet"))
    # Taken up again, it still knows what was before the first time.
    good(disk.run("stop", "stop-kubelet"))
    assert disk.run("stop", "stop-kubelet", "undone").returncode == 0
    told = good(disk.run("stop", "stop-kubelet", "undo")).stdout
    assert state.read_text() == "inactive\n"
    assert "kubelet was stopped already before the run, and stays so" in told


@pytest.mark.parametrize(
    ("before", "containers"), [("active", ""), ("activating", ""), ("inactive", "^etcd")]
)
def test_the_way_back_starts_kubelet_where_it_ran_or_where_only_it_brings_etcd_back(
    disk: Disk, before: str, containers: str
) -> None:
    stage(disk)
    state = kubelet(disk, before, containers)
    good(disk.run("stop", "stop-kubelet"))
    assert state.read_text() == "inactive\n"
    assert disk.run("stop", "stop-kubelet", "probe").returncode == 0
    good(disk.run("stop", "stop-kubelet"))
    assert disk.run("stop", "stop-kubelet", "undone").returncode == 1
    good(disk.run("stop", "stop-kubelet", "undo"))
    assert state.read_text() == "active\n"
    assert disk.run("stop", "stop-kubelet", "undone").returncode == 0


def test_kubelet_counts_as_stopped_only_when_it_is_known_what_it_was_before(disk: Disk) -> None:
    stage(disk)
    kubelet(disk, "inactive")
    assert disk.run("stop", "stop-kubelet", "probe").returncode == 1


def test_values_in_scripts_are_never_run(disk: Disk) -> None:
    stage(disk)
    good(disk.run("set-aside", "set-data-aside"))
    assert not list(disk.root.parent.rglob("pwned"))
    assert not Path("pwned").exists()


@pytest.mark.parametrize("state", ["active", "activating"])
def test_no_data_is_moved_while_something_has_started_kubelet_again(disk: Disk, state: str) -> None:
    stage(disk)
    put_restored_member(disk)
    disk.kubelet_is(state)
    refused = disk.run("set-aside", "set-data-aside")
    assert refused.returncode == 1
    assert "kubelet was started again" in refused.stderr
    assert (disk.data_dir / "member/snap/db").read_bytes() == b"the old data"
    disk.kubelet_is("inactive")
    good(disk.run("set-aside", "set-data-aside"))
    disk.kubelet_is(state)
    assert disk.run("place", "place-member").returncode == 1
    assert not (disk.data_dir / "member").exists()
    assert disk.run("set-aside", "set-data-aside", "undo").returncode == 1
    disk.kubelet_is("inactive")
    good(disk.run("place", "place-member"))
    disk.kubelet_is(state)
    assert disk.run("place", "place-member", "undo").returncode == 1
    assert (disk.data_dir / "member/snap/db").read_bytes() == b"the new data"


@pytest.mark.parametrize(
    ("state", "stopped"),
    [("inactive", True), ("failed", True), ("active", False), ("activating", False), ("", False)],
)
def test_kubelet_counts_as_stopped_only_where_systemd_says_so(
    disk: Disk, state: str, stopped: bool
) -> None:
    stage(disk)
    disk.kubelet_is(state)
    assert (disk.run("stop", "stop-kubelet").returncode == 0) is stopped
    assert (disk.run("stop", "stop-kubelet", "probe").returncode == 0) is stopped


def test_kubelet_is_not_started_on_old_data_that_was_left_in_place(disk: Disk) -> None:
    stage(disk)
    (disk.data_dir / "member/wal").mkdir()
    (disk.data_dir / "member/wal/0.wal").write_bytes(b"log")
    put_restored_member(disk)
    disk.kubelet_is("active")
    refused = disk.run("start", "start-kubelet")
    assert refused.returncode == 1
    assert "is not the restored one" in refused.stderr
    assert disk.run("start", "start-kubelet", "probe").returncode != 0
    disk.kubelet_is("inactive")
    good(disk.run("set-aside", "set-data-aside"))
    good(disk.run("place", "place-member"))
    disk.kubelet_is("active")
    good(disk.run("start", "start-kubelet"))
    good(disk.run("start", "start-kubelet", "probe"))


@pytest.mark.parametrize("what", ["member", "data directory"])
def test_a_link_that_cannot_be_set_aside_is_found_before_anything_is_stopped(
    disk: Disk, what: str
) -> None:
    if what == "member":
        (disk.data_dir / "member").rename(disk.root / "elsewhere")
        (disk.data_dir / "member").symlink_to(disk.root / "elsewhere")
    else:
        disk.data_dir.rename(disk.root / "elsewhere")
        disk.data_dir.symlink_to(disk.root / "nowhere")
    for _ in range(2):
        refused = disk.run("stage", "make-directories")
        assert refused.returncode == 1
        assert "is a link" in refused.stderr
        assert disk.run("stage", "make-directories", "probe").returncode != 0


def test_old_etcd_data_of_an_upgrade_is_not_copied_with_the_configuration(disk: Disk) -> None:
    kubernetes = disk.root / "etc/kubernetes"
    (kubernetes / "tmp/kubeadm-backup-etcd-2026").mkdir(parents=True)
    (kubernetes / "admin.conf").write_text("a")
    (kubernetes / ".hidden").write_text("h")
    stage(disk)
    copied = {path.name for path in (disk.root / "root/etcd-rescue/run-1/kubernetes").iterdir()}
    assert copied == {"manifests", "admin.conf", ".hidden"}


def test_a_member_that_is_in_place_is_not_restored_a_second_time(disk: Disk) -> None:
    stage(disk)
    good(disk.run("set-aside", "set-data-aside"))
    put_restored_member(disk)
    good(disk.run("place", "place-member"))
    good(disk.run("restore", "restore-member", "probe"))
    assert "already restored" in good(disk.run("restore", "restore-member")).stdout


def test_old_data_that_is_gone_is_never_said_to_be_back(disk: Disk) -> None:
    stage(disk)
    good(disk.run("set-aside", "set-data-aside"))
    (disk.staging / "aside/member").rename(disk.root / "freed")
    refused = disk.run("set-aside", "set-data-aside", "undo")
    assert refused.returncode == 1
    assert "the old data is gone" in refused.stderr
    assert disk.run("set-aside", "set-data-aside", "undone").returncode == 1
