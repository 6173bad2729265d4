"""systemctl, crictl and hostname answer as the real ones do, and refuse what they do not know."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from tests.rehearsal_node.hosts import Host, until


async def test_hostname_is_the_node_s_name(host: Host) -> None:
    assert await host.ok("hostname") == "etcd-1\n"


@pytest.mark.parametrize(
    ("command", "status", "out"),
    [
        ("systemctl is-active kubelet", 0, "active\n"),
        ("systemctl is-active kubelet.service", 0, "active\n"),
        ("systemctl is-active --quiet kubelet", 0, ""),
        ("systemctl is-active containerd", 0, "active\n"),
        ("systemctl is-active nginx", 4, "inactive\n"),
        ("systemctl is-enabled kubelet", 0, "enabled\n"),
        ("systemctl daemon-reload", 0, ""),
    ],
)
async def test_systemctl_answers(host: Host, command: str, status: int, out: str) -> None:
    said = await host.run(command)
    assert (said.status, said.out) == (status, out)


async def test_systemctl_tells_a_stopped_kubelet(host: Host) -> None:
    await host.ok("systemctl stop kubelet")
    said = await host.run("systemctl is-active kubelet")
    assert (said.status, said.out) == (3, "inactive\n")
    assert (await host.run("systemctl status kubelet")).status == 3
    await host.ok("systemctl start kubelet")
    assert (await host.run("systemctl status kubelet")).status == 0


async def test_systemctl_does_not_start_what_is_not_there(host: Host) -> None:
    said = await host.run("systemctl start nginx")
    assert said.status == 5
    assert "nginx.service not found" in said.err


@pytest.mark.parametrize(
    "command",
    [
        "systemctl isolate kubelet",
        "systemctl --user start kubelet",
        "crictl ps --last 3",
        "crictl ps -o yaml",
        "crictl --debug ps",
        "crictl checkpoint x",
        "crictl rm --all",
        "kubectl drain etcd-1",
        "kubectl get pods --watch",
        "hostname other",
    ],
)
async def test_what_a_node_does_not_know_fails_loudly(host: Host, command: str) -> None:
    said = await host.run(command)
    assert said.status == 64
    program, *unknown = command.split()
    assert program in said.err
    assert any(word in said.err for word in unknown)
    assert said.out == ""


async def test_crictl_finds_containers_by_exact_name_and_namespace(host: Host) -> None:
    host.write_manifest("waits")
    container = await host.running("waits")
    await host.ok("systemctl stop kubelet")
    label = "--label io.kubernetes.pod.namespace"
    assert (await host.ok("crictl ps -a -q --name '^wait$'")) == ""
    assert (await host.ok("crictl ps -a -q --name wait")) == f"{container}\n"
    assert (await host.ok(f"crictl ps -aq {label}=kube-system")) == f"{container}\n"
    assert (await host.ok(f"crictl ps -aq {label}=default")) == ""
    assert len(container) == 64


async def test_crictl_s_json_has_the_shape_of_the_cri(host: Host) -> None:
    host.write_manifest("waits")
    container = await host.running("waits")
    (listed,) = (await host.json("crictl ps -o json"))["containers"]
    assert listed["id"] == container
    assert listed["metadata"] == {"name": "waits", "attempt": 0}
    assert listed["state"] == "CONTAINER_RUNNING"
    assert abs(time.time_ns() - int(listed["createdAt"])) < 60e9
    assert listed["labels"]["io.kubernetes.container.name"] == "waits"
    assert len(listed["podSandboxId"]) == 64


async def test_crictl_s_table_ends_with_the_pod_and_has_short_ids(host: Host) -> None:
    host.write_manifest("waits")
    container = await host.running("waits")
    header, row = (await host.ok("crictl ps")).splitlines()
    assert header.split()[0] == "CONTAINER"
    assert header.split()[-1] == "POD"
    assert row.split()[0] == container[:13]


async def test_crictl_stop_ends_a_container_and_leaves_it_listed(host: Host) -> None:
    host.write_manifest("waits")
    container = await host.running("waits")
    await host.ok("systemctl stop kubelet")
    assert await host.ok(f"crictl stop --timeout 5 {container[:13]}") == f"{container[:13]}\n"
    assert await host.ids("waits") == []
    assert await host.ids("waits", "-a") == [container]
    assert await host.ok(f"crictl rm {container}") == f"{container}\n"
    assert await host.ids("waits", "-a") == []


async def test_crictl_stop_kills_what_does_not_end_in_time(host: Host) -> None:
    host.write_manifest("deaf")
    container = await host.running("deaf")

    async def deaf() -> bool:
        return "deaf" in await host.ok(f"crictl logs {container}")

    await until(deaf)
    await host.ok("systemctl stop kubelet")
    await host.ok(f"crictl stop -t 1 {container}")
    assert await host.ids("deaf") == []


async def test_crictl_refuses_to_remove_a_running_container(host: Host) -> None:
    host.write_manifest("waits")
    container = await host.running("waits")
    said = await host.run(f"crictl rm {container}")
    assert said.status == 1
    assert "is running, please stop it first" in said.err
    assert await host.ids("waits") == [container]


async def test_crictl_says_that_a_container_is_not_there(host: Host) -> None:
    said = await host.run("crictl rm -f 0123456789ab")
    assert said.status == 1
    assert "0123456789ab" in said.err


async def test_crictl_shows_the_end_of_a_log(host: Host) -> None:
    host.write_manifest("sh", "-c", "'echo one; echo two; exec sleep 600'")
    container = await host.running("sh")

    async def written() -> bool:
        return "two" in await host.ok(f"crictl logs {container}")

    await until(written)
    assert await host.ok(f"crictl logs --tail 1 {container}") == "two\n"


async def test_crictl_runs_a_program_inside_a_container(host: Host) -> None:
    host.write_manifest("waits")
    container = await host.running("waits")
    assert await host.ok(f"crictl exec {container} sh -c 'echo inside'") == "inside\n"
    assert (await host.run(f"crictl exec {container} sh -c 'exit 3'")).status == 3


async def test_a_name_that_is_no_pattern_is_an_error(host: Host) -> None:
    said = await host.run("crictl ps --name '['")
    assert said.status == 1
    assert "[" in said.err


async def test_commands_of_a_node_that_is_off_fail(host: Host) -> None:
    await host.node.stop()
    said = await host.run("crictl ps")
    assert said.status == 1
    assert said.err


async def test_a_node_can_lie_below_a_very_long_path(tmp_path: Path) -> None:
    from recovery.rehearsal.node.layout import NodeLayout
    from recovery.rehearsal.node.simulated_node import SimulatedNode

    layout = NodeLayout(tmp_path.joinpath(*["a-long-name" * 4] * 4), "etcd-9", "127.0.0.1")
    layout.create()
    node = SimulatedNode(layout, {}, cluster=tmp_path)
    await node.start()
    try:
        assert await Host(node).ok("hostname") == "etcd-9\n"
    finally:
        await node.stop()


async def test_a_node_can_be_started_again(host: Host) -> None:
    host.write_manifest("waits")
    await host.running("waits")
    await host.node.stop()
    await host.node.start()
    await host.running("waits")


async def test_another_user_s_commands_are_not_answered(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = await host.run("crictl ps -q")
    assert own.status == 0
    monkeypatch.setattr("os.getuid", lambda: 4242)
    said = await host.run("crictl ps -q")
    assert said.status == 1


async def test_a_silent_client_holds_up_nobody(host: Host) -> None:
    name = next(
        word
        for word in (host.layout.commands / "hostname").read_text().split()
        if word.startswith("etcd-rescue-")
    )
    with socket.socket(socket.AF_UNIX) as silent:
        await asyncio.to_thread(silent.connect, f"\0{name}")
        assert await host.ok("hostname") == "etcd-1\n"
