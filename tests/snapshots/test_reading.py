"""What the reader says of real databases, compared with etcd's own tool."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recovery.backups.model import Integrity
from recovery.cluster.x509_chains import read_chain
from recovery.rehearsal.pki import Authority
from recovery.snapshots.contents_json import inspect_document
from recovery.snapshots.model import FetchedSnapshot, SnapshotContents
from recovery.snapshots.reader.answer import read_database
from recovery.snapshots.reader.bundle import one_file
from recovery.snapshots.reader.identity import fingerprints
from recovery.snapshots.verify import verify_database
from tests.snapshots.conftest import BIG, History
from tests.snapshots.lone_etcd import snapshot_status


async def contents_of(path: Path) -> SnapshotContents:
    """The contents of a sound file."""
    verdict = await verify_database(path)
    assert verdict.reason is None
    assert verdict.contents is not None
    return verdict.contents


@pytest.mark.parametrize("which", ["empty", "small", "lived", "compacted", "guarded", "own"])
async def test_counts_are_those_of_etcds_own_tool(history: History, which: str) -> None:
    path: Path = getattr(history, which)
    status = snapshot_status(path)
    contents = await contents_of(path)
    assert contents.revision == status["revision"]
    assert contents.keys == status["totalKey"]
    assert contents.database_size == status["totalSize"]


async def test_a_snapshot_is_verified_and_a_members_own_database_has_no_hash(
    history: History,
) -> None:
    assert (await verify_database(history.lived)).integrity is Integrity.VERIFIED
    assert (await verify_database(history.empty)).integrity is Integrity.VERIFIED
    assert (await verify_database(history.own)).integrity is Integrity.NO_HASH


async def test_live_keys_are_those_at_the_latest_revision(history: History) -> None:
    assert (await contents_of(history.empty)).live_keys == 0
    assert (await contents_of(history.small)).live_keys == 7
    before, after = await contents_of(history.lived), await contents_of(history.compacted)
    assert before.live_keys == 7 + 800 - 1 + 7 * 5 + 1 + 3
    assert after.live_keys == before.live_keys + 1
    assert after.keys < before.keys
    assert after.compacted_revision == after.revision


async def test_resources_and_namespaces_are_named_as_kubectl_names_them(history: History) -> None:
    contents = await contents_of(history.lived)
    resources = {each.name: (each.count, each.size) for each in contents.resources}
    assert resources.keys() == {
        *("pods", "nodes", "services", "endpoints", "secrets", "configmaps"),
        *("widgets.apps.example.com", "gadgets.apps.example.com"),
    }
    assert resources["nodes"] == (5, 5 * len("node 0"))
    assert resources["pods"][0] == 7 + 800 - 1
    assert resources["services"] == (5, 5 * len("service"))
    namespaces = {each.name: each.count for each in contents.namespaces}
    assert namespaces == {"default": 7, "ns-0": 400 + 5 + 5 + 1, "ns-1": 399 + 6 + 5}
    assert contents.other_keys == 5 + 2


async def test_the_names_of_the_nodes_are_told(history: History) -> None:
    contents = await contents_of(history.lived)
    assert contents.nodes == ("node-0", "node-1", "node-2", "node-3", "node-4")
    assert contents.authorities == ()


def test_a_ca_is_recognised_raw_and_as_json_has_it() -> None:
    pem = Authority("kubernetes").pem
    chain = read_chain(pem.decode())
    escaped = json.dumps({"ca.crt": pem.decode() * 2}).encode()
    for value in (b"k8s\0\n\x0c\x12ca.crt\x12" + pem + b"\x1a", escaped):
        assert fingerprints(value) == [chain[0].fingerprint]
    assert fingerprints(b"k8s:enc:aescbc:v1:key1:\xff") == []
    assert fingerprints(b"-----BEGIN CERTIFICATE-----A-----END CERTIFICATE-----") == []


async def test_leases_alarms_authentication_and_encryption_are_seen(history: History) -> None:
    lived = await contents_of(history.lived)
    assert lived.leases == 1
    assert not lived.auth_enabled
    assert lived.alarms == ()
    encryption = [(each.provider, each.key, each.count) for each in lived.encryption]
    assert encryption == [("aescbc", "key1", 5), ("kms v2", "vault", 1)]
    assert (await contents_of(history.compacted)).alarms == ("NOSPACE",)
    assert (await contents_of(history.guarded)).auth_enabled


async def test_members_and_versions_are_read(history: History) -> None:
    contents = await contents_of(history.lived)
    (member,) = contents.members
    assert member.name == "etcd-1"
    assert member.id > 1 << 32
    assert member.peer_urls[0].startswith("http://127.0.0.1:")
    assert contents.cluster_version.startswith("3.")
    assert contents.consistent_index > 20


async def test_a_value_of_hundreds_of_pages_is_read(history: History) -> None:
    document = read_database(str(history.lived))
    assert document["contents"]["leasedKeys"] == 6
    assert document["databaseSize"] > BIG


def test_the_brief_answer_has_revision_members_and_alarms(history: History) -> None:
    whole = read_database(str(history.compacted))["contents"]
    brief = read_database(str(history.compacted), brief=True)["contents"]
    for name in ("revision", "members", "alarms", "compactedRevision", "clusterVersion"):
        assert brief[name] == whole[name]


def test_the_reader_is_one_file_for_any_python3_from_stdin(history: History) -> None:
    source = one_file().decode()
    ast.parse(source, feature_version=(3, 6))
    imported = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names
    told = subprocess.run(
        [sys.executable, "-I", "-", history.small],
        input=source,
        text=True,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(told.stdout)["integrity"] == "verified"
    assert told.stderr == ""


async def test_reading_changes_nothing_and_reports_progress(
    history: History, tmp_path: Path
) -> None:
    path = shutil.copyfile(history.own, tmp_path / "own.db")
    path.chmod(0o400)
    before = path.read_bytes(), path.stat().st_mtime_ns
    told: list[tuple[int, int]] = []
    await verify_database(path, lambda done, total: told.append((done, total)))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert told == sorted(told)
    assert all(done <= total == path.stat().st_size for done, total in told)


async def test_the_inspect_document_is_the_contracts(history: History) -> None:
    verdict = await verify_database(history.lived)
    fetched = FetchedSnapshot(
        name="lived.tar",
        location="etcd-1:/cpaas/lived.tar",
        database=history.lived,
        sha256=verdict.sha256,
        size=verdict.size,
        verdict=verdict,
    )
    document = inspect_document("prod-a", fetched.judged)
    assert document.keys() >= {
        *("cluster", "name", "location", "integrity", "sha256", "revision", "keys", "liveKeys"),
        *("dbSize", "clusterVersion", "members", "alarms", "resources", "namespaces"),
    }
    assert document["integrity"] == "verified"
    assert json.loads(json.dumps(document)) == document
