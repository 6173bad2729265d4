"""The platform's side of backups on a rehearsal cluster: read, changed, set up, triggered."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recovery.backups.care import BackupCare
from recovery.backups.model import StoreKind
from recovery.backups.platform import ConflictError, Platform
from recovery.backups.s3_keys import S3Keys
from recovery.backups.seen_configuration import SeenConfiguration, Source
from recovery.backups.spec_change import SpecWishes, wished
from recovery.errors import ConfigurationError, KubernetesError, RefusedError
from recovery.incident import Incident
from recovery.rehearsal.breaking import Breakage
from tests.cluster_fixtures import CHECKOUT, RunningRehearsal, clean_environment, running_rehearsal

pytestmark = pytest.mark.cluster

_KUBECTL_EBC = "kubectl get ebc etcd-backup-default -o json"


@pytest.fixture(scope="module")
def rehearsal() -> Iterator[RunningRehearsal]:
    """A healthy cluster that all tests here share; each puts back what it changed."""
    with running_rehearsal(Breakage.NONE) as running:
        yield running


@pytest.fixture
async def incident(rehearsal: RunningRehearsal, tmp_path: Path) -> AsyncIterator[Incident]:
    """The cluster under care, with state of this test's own."""
    environ = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    async with Incident(rehearsal.cluster, environ=environ) as one:
        yield one


@pytest.fixture
async def care(incident: Incident) -> AsyncIterator[BackupCare]:
    """Its backups; the configuration is as before afterwards."""
    before = await incident.backups.configuration()
    yield incident.backups
    now = await incident.backups.configuration()
    if now.source is Source.CLUSTER and now.raw != before.raw:
        await incident.backups.apply(now, replace(wished(now.raw, SpecWishes()), after=before.raw))


def kubectl(rehearsal: RunningRehearsal, words: str) -> str:
    said = rehearsal.command(rehearsal.cluster.control_plane[0], words)
    assert said.returncode == 0, said.stderr
    return said.stdout


def stored(rehearsal: RunningRehearsal) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kubectl(rehearsal, _KUBECTL_EBC))
    return found


async def seen_by(care: BackupCare) -> SeenConfiguration:
    seen = await care.configuration()
    assert seen.source is Source.CLUSTER
    return seen


async def test_the_configuration_is_read_with_its_version_and_records(care: BackupCare) -> None:
    seen = await seen_by(care)
    assert seen.name == "etcd-backup-default"
    assert seen.resource_version.isdigit()
    assert seen.spec.schedule == "0 */6 * * *"
    assert len(seen.records) >= 6


async def test_a_change_is_written_and_nothing_else(
    care: BackupCare, rehearsal: RunningRehearsal
) -> None:
    before = stored(rehearsal)
    seen = await seen_by(care)
    change = wished(seen.raw, SpecWishes(schedule="0 */4 * * *", paused=True))
    written = await care.apply(seen, change)
    assert written.spec.schedule == "0 */4 * * *"
    assert written.spec.paused
    after = stored(rehearsal)
    assert after["spec"] == {**before["spec"], "schedule": "0 */4 * * *", "paused": True}
    assert after["status"] == before["status"]


async def test_somebody_elses_change_in_between_is_noticed_and_kept(
    care: BackupCare, rehearsal: RunningRehearsal
) -> None:
    seen = await seen_by(care)
    other = json.dumps({"spec": {"paused": True}})
    kubectl(rehearsal, f"kubectl patch ebc etcd-backup-default --type merge -p '{other}'")
    with pytest.raises(ConflictError) as caught:
        await care.apply(seen, wished(seen.raw, SpecWishes(schedule="0 1 * * *")))
    assert caught.value.remedy
    assert stored(rehearsal)["spec"] == {**seen.raw, "paused": True}


async def test_a_change_with_problems_is_never_sent(
    care: BackupCare, rehearsal: RunningRehearsal
) -> None:
    seen = await seen_by(care)
    with pytest.raises(ConfigurationError):
        await care.apply(seen, wished(seen.raw, SpecWishes(ttl="90d")))
    assert stored(rehearsal)["spec"] == seen.raw


async def test_what_the_api_server_refuses_is_told_and_no_keys_are_stored(
    care: BackupCare, rehearsal: RunningRehearsal
) -> None:
    seen = await seen_by(care)
    change = wished(seen.raw, SpecWishes(secret_ref="another-secret"))
    local = {"path": "/cpaas/backup", "ttl": 7776000}
    wrong = replace(change, after={**change.after, "localStorage": local})
    with pytest.raises(ConfigurationError) as caught:
        await care.apply(seen, wrong, S3Keys("access", "secret"))
    assert "must be of type string" in caught.value.detail
    assert stored(rehearsal)["spec"] == seen.raw
    listed = json.loads(kubectl(rehearsal, "kubectl get secrets -n cpaas-system -o json"))
    assert "another-secret" not in [one["metadata"]["name"] for one in listed["items"]]


async def test_a_change_that_fails_after_its_keys_were_stored_says_so(
    care: BackupCare, rehearsal: RunningRehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_keys = Platform.store_keys

    async def and_somebody_else_changes_it(self: Platform, name: str, keys: S3Keys) -> bool:
        made = await store_keys(self, name, keys)
        other = json.dumps({"spec": {"paused": True}})
        kubectl(rehearsal, f"kubectl patch ebc etcd-backup-default --type merge -p '{other}'")
        return made

    monkeypatch.setattr(Platform, "store_keys", and_somebody_else_changes_it)
    seen = await seen_by(care)
    change = wished(seen.raw, SpecWishes(secret_ref="kept-secret", dir="elsewhere"))
    with pytest.raises(ConflictError) as caught:
        await care.apply(seen, change, S3Keys("access", "secret"))
    assert "the new keys are in their secret already" in caught.value.what
    assert stored(rehearsal)["spec"] == {**seen.raw, "paused": True}
    kubectl(rehearsal, "kubectl get secret kept-secret -n cpaas-system -o json")


async def test_keys_are_stored_and_serve_a_backup_that_is_seen_in_the_bucket(
    care: BackupCare, incident: Incident, rehearsal: RunningRehearsal
) -> None:
    seen = await seen_by(care)
    keys = await care.secret_keys("etcd-backup-s3-secret")
    change = wished(seen.raw, SpecWishes(secret_ref="new-secret", dir="elsewhere"))
    written = await care.apply(seen, change, keys)
    assert written.spec.s3 is not None
    trial = await care.try_s3(written.spec.s3, await care.keys_for(written.spec.s3))
    assert trial.passed
    stages: list[str] = []
    backup = await care.back_up_by_platform(written, stages.append)
    assert backup.succeeded
    assert backup.object is not None
    assert backup.object.path.startswith("elsewhere/snapshot-etcd-")
    assert stages[-1] == "looking for it in the bucket"
    catalog = await incident.list_snapshots()
    taken = next(one for one in catalog.snapshots if one.name == backup.record.file_name)  # type: ignore[union-attr]
    assert {copy.node for copy in taken.copies if copy.store is StoreKind.NODE} == {
        "etcd-1",
        "etcd-2",
        "etcd-3",
    }
    kept = kubectl(rehearsal, "kubectl get secret new-secret -n cpaas-system -o json")
    assert json.loads(kept)["type"] == "Opaque"


async def test_other_keys_of_a_secret_stay(care: BackupCare, rehearsal: RunningRehearsal) -> None:
    seen = await seen_by(care)
    keys = await care.secret_keys("etcd-backup-s3-secret")
    body = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "with-more", "namespace": "cpaas-system"},
            "data": {"OTHER": "eA=="},
        }
    )
    kubectl(rehearsal, f"echo '{body}' | kubectl create -n cpaas-system -f -")
    change = wished(seen.raw, SpecWishes(secret_ref="with-more"))
    await care.apply(seen, change, keys)
    found = kubectl(rehearsal, "kubectl get secret with-more -n cpaas-system -o json")
    assert sorted(json.loads(found)["data"]) == ["ACCESS_KEY", "OTHER", "SECRET_KEY"]


async def test_a_wrong_secret_reference_is_named_before_and_after(care: BackupCare) -> None:
    seen = await seen_by(care)
    written = await care.apply(seen, wished(seen.raw, SpecWishes(secret_ref="not-there")))
    assert written.spec.s3 is not None
    with pytest.raises(ConfigurationError) as caught:
        await care.keys_for(written.spec.s3)
    assert "secretRef" in caught.value.what
    backup = await care.back_up_by_platform(written)
    assert not backup.succeeded
    assert backup.trouble is not None
    assert backup.trouble.name == "wrong secretRef"
    assert backup.record is not None
    assert 'secrets "not-there" not found' in backup.record.result


async def test_a_bucket_that_is_not_there_is_named_by_the_platforms_failure(
    care: BackupCare,
) -> None:
    seen = await seen_by(care)
    written = await care.apply(seen, wished(seen.raw, SpecWishes(bucket="no-such-bucket")))
    backup = await care.back_up_by_platform(written)
    assert backup.trouble is not None
    assert backup.trouble.name == "bucket"


async def test_the_last_configuration_seen_is_shown_while_no_api_server_answers(
    care: BackupCare, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = await seen_by(care)

    async def silent(*words: object, **more: object) -> str:
        raise KubernetesError("it does not accept connections", where="etcd-1", detail="refused")

    monkeypatch.setattr("recovery.cluster.kubernetes.ApiServer.kubectl", silent)
    last = await care.configuration()
    assert last.source is Source.LAST_SEEN
    assert last.raw == seen.raw
    assert last.seen_at is not None
    assert seen.seen_at is not None
    assert abs((last.seen_at - seen.seen_at).total_seconds()) < 30
    with pytest.raises(RefusedError):
        await care.apply(last, wished(last.raw, SpecWishes(paused=True)))
    monkeypatch.undo()


def program(rehearsal: RunningRehearsal) -> list[str]:
    inventory = str(rehearsal.inventory_path)
    return [sys.executable, "-m", "tui.command_line", "--inventory", inventory, "backup"]


def environment(home: Path) -> dict[str, str]:
    return {**clean_environment(), "HOME": str(home)}


def command(
    rehearsal: RunningRehearsal, home: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    """The program itself, as a script would run it."""
    return subprocess.run(
        [*program(rehearsal), *words],
        cwd=CHECKOUT,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.usefixtures("care")
def test_the_commands_show_and_refuse_to_set_without_consent(
    rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    shown = command(rehearsal, tmp_path, "show", "-o", "json")
    assert shown.returncode == 0, shown.stderr
    document = json.loads(shown.stdout)
    assert document["source"] == "cluster"
    assert len(document["schedule"]["next"]) == 3
    assert [one for one in document["backups"] if "failed" in one["oddities"]]
    refused = command(rehearsal, tmp_path, "set", "--paused", "yes")
    assert refused.returncode == 3
    assert "+paused: true" in refused.stdout
    assert stored(rehearsal)["spec"]["paused"] is False


@pytest.mark.usefixtures("care")
def test_keys_from_stdin_are_stored_and_stand_in_no_process_list_output_or_file(
    rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    seen: set[str] = set()
    running = subprocess.Popen(
        [*program(rehearsal), "set", "--paused", "yes", "--s3-keys", "--confirm", "demo"],
        cwd=CHECKOUT,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write("rehearsal\nrehearsal-secret\n")
    running.stdin.close()
    while running.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            running.wait(0.01)
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                seen.add(entry.read_bytes().decode(errors="replace"))
    said = running.stdout.read()
    assert running.returncode == 0, said
    assert stored(rehearsal)["spec"]["paused"] is True
    assert any("\0replace\0" in line for line in seen)
    kept = [path.read_text() for path in (tmp_path / ".local").rglob("*") if path.is_file()]
    encoded = base64.b64encode(b"rehearsal-secret").decode()
    for text in (said, *seen, *kept):
        assert "rehearsal-secret" not in text
        assert encoded not in text
