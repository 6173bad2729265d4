"""From a broken cluster to a proven healthy one, by the commands alone, on real parts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.demo_cluster import Demo, running_demo
from tests.end_to_end.snapshot_contents import contents_by_etcd

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]


@pytest.fixture(name="demo", scope="module")
def demo_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("home")) as demo:
        two_pods_end_on_the_worker(demo)
        yield demo


def two_pods_end_on_the_worker(demo: Demo) -> None:
    """Of all that the API knows there, these two do not run any more."""
    (worker,) = demo.nodes("workers")
    listed = Path(worker["paths"]["kubernetes"]).parents[1] / "var/lib/kubelet/listed-pods.json"
    pods = json.loads(listed.read_text())
    assert len(pods) > 100
    listed.write_text(json.dumps(pods[2:]))


def spoil(backup: Path) -> None:
    """Let one byte of it be another one: so a disk forgets."""
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    backup.write_bytes(content)


def test_the_catalog_joins_nodes_s3_and_records(demo: Demo) -> None:
    document = demo.json("snapshots")
    assert document["cluster"] == "demo"
    assert document["errors"] == []
    with_copies = [s for s in document["snapshots"] if s["copies"]]
    assert len(with_copies) == 5
    for snapshot in with_copies:
        assert {copy["store"] for copy in snapshot["copies"]} == {"node", "s3"}
        assert len(snapshot["copies"]) == 4
        assert snapshot["record"]["result"] == "Success"
    without = [s for s in document["snapshots"] if not s["copies"]]
    assert [s["record"]["result"] for s in without] == ["Failed"]
    assert all(not s["usable"] and s["reason"] for s in without)
    taken = [s["takenAt"] for s in document["snapshots"]]
    assert taken == sorted(taken, reverse=True)


def test_the_corrupt_and_the_cut_short_backup_are_found_out(demo: Demo) -> None:
    ran = demo.command("verify", "--all", "-o", "json")
    assert ran.returncode == 1
    snapshots = json.loads(ran.stdout)["snapshots"]
    assert [s["integrity"] for s in snapshots] == [
        "corrupt",
        "verified",
        "corrupt",
        "verified",
        "verified",
    ]
    assert all((s["reason"] is None) == (s["integrity"] == "verified") for s in snapshots)
    assert demo.command("verify", "latest").returncode == 0


def test_a_snapshot_says_what_it_holds_and_what_changed_since_another(demo: Demo) -> None:
    held = demo.json("inspect", "latest")
    assert held["integrity"] == "verified"
    assert [member["name"] for member in held["members"]] == ["etcd-1", "etcd-2", "etcd-3"]
    assert held["liveKeys"] == sum(one["count"] for one in held["resources"]) + 1  # the probe's key
    oldest = demo.json("snapshots")["snapshots"][-1]["name"]
    difference = demo.json("diff", oldest, "latest")
    assert difference["removed"] == 0
    assert difference["added"] == held["liveKeys"] - demo.json("inspect", oldest)["liveKeys"]
    assert len(difference["keys"]) == difference["added"] + difference["changed"]


def test_a_corrupt_snapshot_is_refused_before_anything_is_touched(demo: Demo) -> None:
    corrupt = demo.json("snapshots")["snapshots"][0]["name"]
    for command in (["plan", corrupt], ["restore", corrupt, "--confirm", "demo"]):
        refused = demo.command(*command)
        assert refused.returncode == 3, refused.stderr
        assert "corrupt" in refused.stderr
    assert not demo.runs.exists()


def test_a_wrong_cluster_name_is_no_consent(demo: Demo) -> None:
    for confirm in ([], ["--confirm", "prod"], ["--confirm", "demo "]):
        refused = demo.command("restore", "latest", *confirm)
        assert refused.returncode == 3
        assert "--confirm demo" in refused.stderr
    assert not demo.runs.exists()


def test_health_is_bad_before_the_restore(demo: Demo) -> None:
    ran = demo.command("health", "-o", "json")
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["healthy"] is False


def test_the_newest_good_snapshot_is_restored_and_every_member_holds_exactly_it(
    demo: Demo, tmp_path: Path
) -> None:
    planned = demo.json("plan", "latest")
    archive = Path(demo.nodes()[0]["paths"]["backups"]) / planned["snapshot"]
    wanted = contents_by_etcd(archive, tmp_path)
    assert len(wanted) > 2000
    spoil(Path(demo.nodes()[2]["paths"]["backups"]) / planned["snapshot"])

    listed = [each["name"] for each in demo.json("snapshots")["snapshots"]]
    consent = ("--confirm", "demo", "--reason", "two disks died")
    ran = demo.command("restore", "latest", *consent, "--events", "json")
    assert ran.returncode == 0, ran.stderr
    events = [json.loads(line) for line in ran.stderr.splitlines()]
    (newest,) = (event for event in events if event["event"] == "passed-over")
    assert (newest["snapshot"], events.index(newest)) == (listed[0], 0)
    assert listed[0] > planned["snapshot"]
    assert events[1]["event"] == "preflight-check"
    assert events[-1]["event"] == "run-ended"
    assert events[-1]["outcome"] == "done"

    for node in demo.nodes():
        assert demo.contents(node) == wanted, node["name"]
    (run,) = demo.runs.iterdir()
    assert "that copy does not give the file" in (run / "etcd-3.log").read_text()


def test_health_is_proven_afterwards(demo: Demo) -> None:
    ran = demo.command("health", "-o", "json", "--wait", "60")
    assert ran.returncode == 0, ran.stdout
    document = json.loads(ran.stdout)
    assert document["healthy"] is True
    assert len(document["members"]) == 3
    assert len({member["hash"] for member in document["members"]}) == 1
    assert sum(member["leader"] for member in document["members"]) == 1


def test_the_old_data_is_still_on_every_node(demo: Demo) -> None:
    for node in demo.nodes():
        aside = Path(node["paths"]["dataDir"]).parent.glob(".etcd-rescue-*/aside/*")
        assert [path.name for path in aside] in (["member"], ["there-was-no-member"])


def test_a_restore_of_a_living_cluster_needs_two_more_yeses(demo: Demo) -> None:
    refused = demo.command("restore", "latest", "--confirm", "demo")
    assert refused.returncode == 3
    assert "--acknowledge-warnings --quorum-is-alive" in refused.stderr
    assert "etcd-rescue backup now" in refused.stderr
    half = demo.command("restore", "latest", "--confirm", "demo", "--acknowledge-warnings")
    assert half.returncode == 3
    assert "not lost" in half.stderr
    # Where the restore raised revisions, the gap says nothing, and only the time is told.
    told = re.search(r"\d+ revisions|the snapshot is at revision \d+", half.stderr)
    assert told, half.stderr


def test_the_run_left_a_journal_a_runbook_and_no_secrets(demo: Demo) -> None:
    (listed,) = json.loads(demo.command("runs", "list", "-o", "json").stdout)["runs"]
    assert listed["state"] == "succeeded"
    assert "members-agree" in demo.command("runs", "show").stdout
    (run,) = demo.runs.iterdir()
    assert run.name == listed["id"]
    names = {path.name for path in run.iterdir()}
    assert {"before.json", "health.json", "leftovers.json", "report.md", "report.html"} <= names
    assert {"journal.jsonl", "plan.json", "runbook.md", "way-back.md", "etcd-1.log"} <= names
    for node in demo.nodes():
        # Another machine finds on any node what all of them have said, and a person how to go on.
        record = Path(node["paths"]["work"]) / run.name / "record"
        for name in ("journal.jsonl", "etcd-2.log", "runbook.md", "way-back.md"):
            assert (record / name).read_bytes() == (run / name).read_bytes(), name
    for path in run.iterdir():
        assert path.stat().st_mode & 0o077 == 0
        text = path.read_text()
        assert "PRIVATE KEY" not in text
        assert "X-Amz-Signature" not in text
        assert not [secret for secret in secrets_of(demo) if secret in text], path.name


def test_the_report_tells_the_whole_story_to_somebody_who_was_not_there(demo: Demo) -> None:
    printed = demo.command("runs", "report").stdout
    (run,) = demo.runs.iterdir()
    assert printed.splitlines()[:3] == (run / "report.md").read_text().splitlines()[:3]
    for words in (
        "**Recovered.**",
        "two disks died",
        "QUORUM LOST 1/3",
        "All members hold the same data, and it is the snapshot's.",
        "systemctl stop kubelet",
        "The API was down for",
    ):
        assert words in printed, words
    # Those two are found; all others of the rehearsal's pods run, as far as their nodes say.
    (left,) = json.loads((run / "leftovers.json").read_text())["found"]
    assert left["what"].startswith("2 pods are recorded as running on worker-1, where nothing")
    assert "2 pods are recorded as running on worker" in printed
    assert "<title>Incident report: demo" in demo.command("runs", "report", "-o", "html").stdout
    compare = next(line for line in printed.splitlines() if line.startswith("etcd-rescue diff"))
    assert demo.command(*compare.split()[1:]).returncode == 0


def secrets_of(demo: Demo) -> set[str]:
    """Every line of every private key of the rehearsal, and its S3 keys."""
    keys = [path.read_text().splitlines() for path in demo.directory.rglob("*.key")]
    lines = {line for key in keys for line in key if len(line) > 30 and "-----" not in line}
    assert lines
    return lines | {"rehearsal-secret"}
