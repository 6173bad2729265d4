"""The small kubelet behaves as the real one does wherever the restore depends on it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.rehearsal_node.hosts import Host, until


async def test_a_static_pod_runs_while_its_manifest_is_there(host: Host) -> None:
    manifest = host.write_manifest("waits")
    await host.running("waits")
    manifest.unlink()

    async def gone() -> bool:
        return await host.ids("waits", "-a") == []

    await until(gone)


async def test_containers_go_on_running_while_kubelet_is_stopped(host: Host) -> None:
    host.write_manifest("waits")
    before = await host.running("waits")
    await host.ok("systemctl stop kubelet")
    assert (await host.run("systemctl is-active kubelet")).out == "inactive\n"
    assert await host.ids("waits") == [before]


async def test_a_removed_container_stays_away_while_kubelet_is_stopped(host: Host) -> None:
    host.write_manifest("waits")
    first = await host.running("waits")
    await host.ok("systemctl stop kubelet")
    await host.ok(f"crictl rm -f {first}")
    host.write_manifest("fails")
    assert await host.ids("waits", "-a") == []
    await host.ok("systemctl start kubelet")
    # kubelet has looked at the directory once this one is there.
    await until(lambda: _listed(host, "fails"))
    assert await host.running("waits") != first


async def test_a_removed_container_comes_back_while_kubelet_runs(host: Host) -> None:
    host.write_manifest("waits")
    first = await host.running("waits")
    await host.ok(f"crictl rm -f {first}")
    second = await host.running("waits")
    assert second != first
    listed = (await host.json("crictl ps -o json --name waits"))["containers"][0]
    assert listed["metadata"]["attempt"] == 1


async def test_a_restarted_kubelet_adopts_the_containers_that_run(host: Host) -> None:
    host.write_manifest("waits")
    before = await host.running("waits")
    await host.ok("systemctl restart kubelet")
    host.write_manifest("fails")
    await until(lambda: _listed(host, "fails"))
    assert await host.ids("waits", "-a") == [before]


async def test_a_changed_manifest_makes_a_new_pod_with_attempt_zero(host: Host) -> None:
    host.write_manifest("waits")
    first = await host.running("waits")
    old = await host.json(f"crictl inspect {first}")
    host.write_manifest("waits", "--changed")

    async def replaced() -> bool:
        return await host.ids("waits", "-a") not in ([], [first])

    await until(replaced)
    new = (await host.json("crictl ps -a -o json --name waits"))["containers"][0]
    assert new["metadata"]["attempt"] == 0
    sandboxes = (await host.ok("crictl pods -q")).split()
    assert sandboxes == [new["podSandboxId"]]
    uid = "io.kubernetes.pod.uid"
    assert new["labels"][uid] != old["status"]["labels"][uid]


async def test_a_changed_manifest_is_noticed_by_a_kubelet_that_was_stopped(host: Host) -> None:
    host.write_manifest("waits")
    first = await host.running("waits")
    await host.ok("systemctl stop kubelet")
    host.write_manifest("waits", "--changed")
    await host.ok("systemctl start kubelet")

    async def replaced() -> bool:
        return await host.ids("waits") not in ([], [first])

    await until(replaced)


async def test_files_whose_name_begins_with_a_dot_are_no_manifests(host: Host) -> None:
    manifest = host.write_manifest("waits")
    await host.running("waits")
    manifest.rename(manifest.with_name(".waits.yaml.aside"))

    async def gone() -> bool:
        return await host.ids("waits", "-a") == []

    await until(gone)


async def test_a_file_that_is_no_pod_is_left_out_and_the_others_run(host: Host) -> None:
    (host.layout.manifests / "broken.yaml").write_text("spec: [")
    (host.layout.manifests / "empty.yaml").write_text("")
    host.write_manifest("waits")
    await host.running("waits")


async def test_a_pod_that_exits_is_started_again_and_its_exits_are_listed(host: Host) -> None:
    host.write_manifest("fails")

    async def restarted() -> bool:
        answer = await host.json("crictl ps -a -o json --name fails")
        return any(c["metadata"]["attempt"] >= 1 for c in answer["containers"])

    await until(restarted)
    exited = (await host.ok("crictl ps -a -q --state Exited --name fails")).split()[0]
    status = (await host.json(f"crictl inspect {exited}"))["status"]
    assert status["state"] == "CONTAINER_EXITED"
    assert status["exitCode"] == 7
    assert "cannot go on" in await host.ok(f"crictl logs {exited}")


async def test_a_killed_container_is_listed_with_exit_code_137(host: Host) -> None:
    host.write_manifest("waits")
    first = await host.running("waits")
    await host.node.stop_kubelet()
    await host.node.kill_container("waits")
    assert (await host.json(f"crictl inspect {first}"))["status"]["exitCode"] == 137


async def test_the_manifest_s_environment_reaches_the_container(host: Host) -> None:
    host.write_manifest("sh", "-c", "'echo it is $SAID; exec sleep 600'", environment={"SAID": "x"})
    container = await host.running("sh")

    async def said() -> bool:
        return await host.ok(f"crictl logs {container}") == "it is x\n"

    await until(said)


async def test_logs_lie_where_kubelet_puts_them(host: Host) -> None:
    host.write_manifest("waits")
    await host.running("waits")
    (log,) = (path.relative_to(host.layout.logs) for path in host.layout.logs.rglob("*.log"))
    assert re.fullmatch(r"kube-system_waits-etcd-1_[0-9a-f]{32}/waits/0\.log", str(log))


async def test_stopping_kubelet_in_the_middle_of_a_start_loses_no_process(host: Host) -> None:
    for number in range(10):
        host.write_manifest("waits", str(number))
        await host.ok("systemctl restart kubelet")
    await host.ok("systemctl stop kubelet")
    listed = (await host.json("crictl ps -o json"))["containers"]
    pids = {(await host.json(f"crictl inspect {c['id']}"))["info"]["pid"] for c in listed}
    assert _processes(host.layout.root.parent) == pids


async def test_a_stopped_node_leaves_no_process(host: Host) -> None:
    host.write_manifest("waits")
    host.write_manifest("deaf")
    await host.running("waits")
    await host.running("deaf")
    await host.node.stop()
    assert _processes(host.layout.root.parent) == set()
    await host.node.stop()


async def _listed(host: Host, name: str) -> bool:
    return await host.ids(name, "-a") != []


def _processes(cluster: Path) -> set[int]:
    """Processes that carry the cluster's marker."""
    marker = f"ETCD_RESCUE_REHEARSAL={cluster}".encode()
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if marker in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
        except OSError:
            continue
    return found
