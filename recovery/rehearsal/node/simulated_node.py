"""One node of the rehearsal cluster, put together."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shlex
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from recovery.rehearsal.node.answer import Answer, refused
from recovery.rehearsal.node.api_reports import ApiReports
from recovery.rehearsal.node.crictl import ENDPOINT_VARIABLE, crictl
from recovery.rehearsal.node.faults import BROKEN_ETCD, Fault, Faults, fault_command
from recovery.rehearsal.node.kubectl import kubectl
from recovery.rehearsal.node.kubelet import Kubelet
from recovery.rehearsal.node.layout import NodeLayout
from recovery.rehearsal.node.listed_pods import read_pods
from recovery.rehearsal.node.power import Power
from recovery.rehearsal.node.processes import MARKER, NODE_MARKER
from recovery.rehearsal.node.runtime import Container, Runtime
from recovery.rehearsal.node.systemctl import systemctl

COMMANDS = ("systemctl", "crictl", "kubectl", "hostname")
_SHIM = Path(__file__).with_name("shim.py")
_LIBRARY = Path(__file__).parents[3]


def stand_ins() -> dict[str, tuple[str, ...]]:
    """What runs in place of the control plane's programs."""
    run = (sys.executable, "-c")
    path = f"import sys; sys.path.insert(0, {str(_LIBRARY)!r}); "
    server = path + "from recovery.rehearsal.node.kube_apiserver import main; "
    server += "sys.exit(main(sys.argv[1:]))"
    idle = (sys.executable, "-S", "-E", str(Path(__file__).with_name("idle.py")))
    return {
        "kube-apiserver": (*run, server),
        "kube-scheduler": idle,
        "kube-controller-manager": idle,
    }


class SimulatedNode:
    """Kubelet, runtime and commands of one node. `cluster` marks every process of it."""

    def __init__(
        self,
        layout: NodeLayout,
        programs: Mapping[str, Sequence[str]],
        *,
        cluster: Path,
        api_servers: Sequence[str] = (),
    ) -> None:
        self.layout = layout
        self._programs = {**stand_ins(), **programs}
        self._etcd = self._programs.get("etcd", BROKEN_ETCD)
        self._cluster = cluster
        digest = hashlib.sha256(str(layout.root).encode()).hexdigest()[:16]
        self._socket = f"etcd-rescue-{digest}"
        self.faults = Faults()
        self.power: Power | None = None
        """Switches it off and on; None where nothing is to be switched."""
        self.runtime = Runtime(layout.logs, self.environment())
        reports = ApiReports(layout.name, layout.admin_kubeconfig, api_servers)
        self.kubelet = Kubelet(
            layout.name,
            layout.manifests,
            self.runtime,
            self._programs,
            reports if api_servers else None,
        )
        self._server: asyncio.Server | None = None

    def environment(self) -> dict[str, str]:
        """What commands on this node see: its own commands first, then the machine's."""
        system = os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        return {
            "PATH": f"{self.layout.commands}:{system}",
            "HOME": str(self.layout.home),
            "USER": "root",
            "LANG": "C.UTF-8",
            ENDPOINT_VARIABLE: "unix:///run/containerd/containerd.sock",
            "KUBECONFIG": str(self.layout.admin_kubeconfig),
            MARKER: str(self._cluster),
            NODE_MARKER: str(self.layout.root),
        }

    async def start(self, *, kubelet: bool = True) -> None:
        """Open the control socket, put the commands on the PATH, start kubelet."""
        self._write_commands()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("\0" + self._socket)
        self._server = await asyncio.start_unix_server(self._serve, sock=listener)
        if kubelet:
            self.kubelet.start()

    async def stop(self) -> None:
        """Stop kubelet, kill every container, close the socket. May be called again."""
        await self.kubelet.stop()
        await self.runtime.shut_down()
        if self._server is not None:
            self._server.close()
            self._server = None

    async def stop_kubelet(self) -> None:
        """As `systemctl stop kubelet`."""
        await self.kubelet.stop()

    def containers(self, name: str) -> tuple[Container, ...]:
        """The containers of that name which run now, or are ending."""
        found = self.runtime.containers.values()
        return tuple(one for one in found if one.name == name and one.running)

    async def kill_container(self, name: str) -> None:
        """SIGKILL the running containers of that name; kubelet may start new ones."""
        for container in self.containers(name):
            await self.runtime.stop(container, 0)

    def _write_commands(self) -> None:
        paths = {name: self.layout.commands / name for name in COMMANDS}
        paths["fault"] = self.layout.fault_command
        for name, path in paths.items():
            words = [sys.executable, "-S", "-E", str(_SHIM), self._socket, name]
            path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
            path.chmod(0o755)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            if not _same_user(writer):
                return
            words, directory, given, stdin = read_question(await reader.read())
            kubeconfig = directory / given if given else self.layout.admin_kubeconfig
            answer = await self._answer(words[0], words[1:], directory, kubeconfig, stdin)
            out, err = (
                text.encode("utf-8", "surrogateescape") for text in (answer.out, answer.err)
            )
            writer.write(b"%d\0%d\0%b%b" % (answer.exit, len(out), out, err))
            await writer.drain()

    async def _answer(
        self, program: str, arguments: list[str], directory: Path, kubeconfig: Path, stdin: str
    ) -> Answer:
        if program == "fault":
            return await self._fault(arguments)
        if Fault.OFF in self.faults:
            return Answer("", f"{program}: the node is off\n", 1)
        if program == "systemctl":
            return await systemctl(self.kubelet, self.faults, arguments)
        if program == "crictl" and arguments == ["info"]:
            told = {"config": {"containerdRootDir": str(self.layout.containerd)}}
            return Answer(json.dumps(told, indent=2) + "\n")
        if program == "crictl":
            listed = read_pods(self.layout.pods)
            environment = self.environment()
            return await crictl(self.runtime, self._programs, environment, arguments, listed)
        if program == "kubectl":
            return await asyncio.to_thread(kubectl, kubeconfig, arguments, directory, stdin)
        if program == "hostname" and set(arguments) <= {"-s", "-f", "--short", "--fqdn"}:
            return Answer(f"{self.layout.name}\n")
        return refused(program, " ".join(arguments))

    async def _fault(self, arguments: list[str]) -> Answer:
        answer = await fault_command(self.faults, self.power, arguments)
        etcd = BROKEN_ETCD if Fault.ETCD_BREAKS in self.faults else self._etcd
        self._programs["etcd"] = etcd
        return answer


def read_question(asked: bytes) -> tuple[list[str], Path, str, str]:
    """What shim.py sends: the words, the directory, KUBECONFIG, and what stood on its input."""
    directory, kubeconfig, count, rest = asked.decode("utf-8", "surrogateescape").split("\0", 3)
    *words, stdin = rest.split("\0", int(count))
    return words, Path(directory), kubeconfig, stdin


def _same_user(writer: asyncio.StreamWriter) -> bool:
    """An abstract socket has no file mode: without this, every user of the machine could give
    commands to the node, and `crictl exec` would run them as the one who started it."""
    credentials = writer.get_extra_info("socket").getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
    )
    _, user, _ = struct.unpack("3i", credentials)
    return bool(user == os.getuid())
