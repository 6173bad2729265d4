"""What a node can find out about a backup by itself: with python3, with other tools, with none."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from recovery.backups.model import Integrity
from recovery.backups.reading_in_place import read_in_place
from recovery.backups.stores import ReadInPlace
from recovery.inventory.model import NodePaths
from recovery.ssh import remote_command
from recovery.ssh.session import NodeSession
from tests.backups.real_snapshot import RealSnapshot, take_snapshot
from tests.cluster.ssh_nodes import ssh_node
from tests.snapshots.lone_etcd import programs

ALWAYS = ("sh", "cat", "stat", "head", "tail", "cut", "od", "tr", "nice", "setsid", "kill", "ps")
NodeWith = Callable[..., AbstractAsyncContextManager[NodeSession]]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> RealSnapshot:
    return take_snapshot(tmp_path_factory.mktemp("etcd"))


@pytest.fixture
def node_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NodeWith:
    """A node on whose PATH there is nothing but the programs named."""
    wrapper = remote_command._WRAPPER.replace(remote_command.SEARCH_PATH, "/nowhere")
    monkeypatch.setattr(remote_command, "_WRAPPER", wrapper)

    @asynccontextmanager
    async def node_with(*programs: str) -> AsyncIterator[NodeSession]:
        directory = tmp_path / "node"
        links = directory / "bin"
        links.mkdir(parents=True)
        for name in (*ALWAYS, *programs):
            if found := shutil.which(name, path="/usr/bin:/bin"):
                (links / name).symlink_to(found)
        async with ssh_node(
            "etcd-1", directory, NodePaths(), environment={"PATH": str(links)}
        ) as node:
            session = NodeSession(node)
            yield session
            await session.close()

    return node_with


def lay(directory: Path, content: bytes) -> tuple[str, int]:
    file = directory / "it's a backup.db"
    file.write_bytes(content)
    return str(file), len(content)


async def read(session: NodeSession, placed: tuple[str, int], tool: str = "") -> ReadInPlace | None:
    return await read_in_place(session, *placed, tool=tool)


async def test_python_on_the_node_tells_everything(
    node_with: NodeWith, real: RealSnapshot, tmp_path: Path
) -> None:
    progress: list[tuple[int, int]] = []
    async with node_with("python3") as session:
        placed = lay(tmp_path, real.saved)
        found = await read_in_place(
            session, *placed, progress=lambda done, total: progress.append((done, total))
        )
    assert found is not None
    assert found.verdict.integrity is Integrity.VERIFIED
    assert found.verdict.contents is not None
    assert found.verdict.contents.live_keys == 20


@pytest.mark.parametrize("hashing", [("sha256sum",), ("openssl",)])
async def test_without_python_the_hash_and_etcds_own_program_judge(
    node_with: NodeWith, real: RealSnapshot, tmp_path: Path, hashing: Sequence[str]
) -> None:
    tool = str(programs() / "etcdctl")
    async with node_with(*hashing) as session:
        good = await read(session, lay(tmp_path, real.saved), tool)
        flipped = bytearray(real.saved)
        flipped[real.saved.index(b"x" * 500) + 7] ^= 1
        bad = await read(session, lay(tmp_path, bytes(flipped)), tool)
    assert good is not None
    assert good.verdict.integrity is Integrity.VERIFIED
    assert good.verdict.revision == 21
    assert bad is not None
    assert bad.verdict.reason == "hash: the trailing sha256 does not fit the contents"


async def test_without_any_of_these_it_has_to_be_fetched(
    node_with: NodeWith, real: RealSnapshot, tmp_path: Path
) -> None:
    tool = str(programs() / "etcdctl")
    async with node_with("sha256sum") as session:
        without_hash = lay(tmp_path, real.left_behind)
        assert await read(session, without_hash, tool) is None
        assert await read(session, lay(tmp_path, real.saved), "") is None


async def test_a_python_that_is_too_old_is_as_good_as_none(
    node_with: NodeWith, real: RealSnapshot, tmp_path: Path
) -> None:
    async with node_with() as session:
        old = tmp_path / "node/bin/python3"
        old.write_text("#!/bin/sh\ncat > /dev/null\necho 'SyntaxError' >&2\nexit 1\n")
        old.chmod(0o755)
        assert await read(session, lay(tmp_path, real.saved)) is None


async def test_the_nodes_words_are_never_trusted_as_more_than_text(
    node_with: NodeWith, real: RealSnapshot, tmp_path: Path
) -> None:
    async with node_with() as session:
        liar = tmp_path / "node/bin/python3"
        for answer in ("[]", "null", '{"integrity": "verified"}', '{"damage": null}', "{"):
            liar.write_text(f"#!/bin/sh\ncat > /dev/null\nprintf '%s' '{answer}'\n")
            liar.chmod(0o755)
            assert await read(session, lay(tmp_path, real.saved)) is None


async def test_what_a_node_says_cannot_steer_the_terminal(
    node_with: NodeWith, real: RealSnapshot, tmp_path: Path
) -> None:
    answer = {
        "integrity": "corrupt",
        "damage": "structure",
        "reason": "\x1b]52;c;aGk=\x07 \x1b[31mred",
        "size": 5,
        "sha256": "",
        "databaseSize": 0,
        "remarks": [],
        "contents": None,
    }
    async with node_with() as session:
        liar = tmp_path / "node/bin/python3"
        liar.write_text(f"#!/bin/sh\ncat > /dev/null\ncat <<'E'\n{json.dumps(answer)}\nE\n")
        liar.chmod(0o755)
        found = await read(session, lay(tmp_path, real.saved))
    assert found is not None
    assert found.verdict.reason is not None
    assert found.verdict.reason.isprintable()


async def test_a_file_that_is_gone_has_to_be_looked_up_again(
    node_with: NodeWith, tmp_path: Path
) -> None:
    async with node_with("python3") as session:
        assert await read(session, (str(tmp_path / "gone.db"), 0)) is None
