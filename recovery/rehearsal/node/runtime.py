"""A small container runtime: containers are processes, and stay listed after they ended."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recovery.rehearsal.node.processes import start_process

RUNNING = "CONTAINER_RUNNING"
EXITED = "CONTAINER_EXITED"


@dataclass(slots=True)
class Container:
    """One container. `exit_code` is None while it runs."""

    id: str
    name: str
    pod: str
    pod_id: str
    pod_uid: str
    image: str
    attempt: int
    created_at: int
    """Nanoseconds since the epoch, as the CRI counts."""
    log: Path
    process: asyncio.subprocess.Process
    namespace: str = "kube-system"
    exit_code: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.exit_code is None

    @property
    def state(self) -> str:
        """The state in the words of the CRI."""
        return RUNNING if self.running else EXITED


class Runtime:
    """The containers of one node."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self.containers: dict[str, Container] = {}
        self._logs = logs
        self._environment = environment
        self._waiting: set[asyncio.Task[None]] = set()

    async def start(  # the fields of one container
        self,
        command: Sequence[str],
        *,
        name: str,
        pod: str,
        pod_id: str,
        pod_uid: str,
        image: str,
        attempt: int,
        environment: Mapping[str, str],
    ) -> Container:
        """Start a container; it is listed from then on. Its log lies where kubelet wants it."""
        container_id = secrets.token_hex(32)
        log = self._logs / f"kube-system_{pod}_{pod_uid}" / name / f"{attempt}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        process = await start_process(command, {**self._environment, **environment}, log)
        container = Container(
            container_id, name, pod, pod_id, pod_uid, image, attempt, time.time_ns(), log, process
        )
        self.containers[container_id] = container
        task = asyncio.create_task(self._wait(container))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return container

    async def stop(self, container: Container, grace: float) -> None:
        """SIGTERM, then SIGKILL after the grace (seconds); returns when it has ended."""
        if container.running:
            _send(container, terminate=grace > 0)
            try:
                async with asyncio.timeout(grace if grace > 0 else 10):
                    await container.ended.wait()
            except TimeoutError:
                _send(container, terminate=False)
                await container.ended.wait()

    async def remove(self, container: Container) -> None:
        """Kill it where it runs, and forget it."""
        await self.stop(container, 0)
        self.containers.pop(container.id, None)

    def find(self, prefix: str) -> Container | None:
        """The container whose id begins so; None where there is none, or more than one."""
        found = [c for c in self.containers.values() if c.id.startswith(prefix)]
        return found[0] if len(found) == 1 else None

    async def shut_down(self) -> None:
        """Kill everything."""
        for container in list(self.containers.values()):
            await self.remove(container)

    @staticmethod
    async def _wait(container: Container) -> None:
        status = await container.process.wait()
        # A container that a signal ended reports 128 and the signal's number.
        container.exit_code = 128 - status if status < 0 else status
        container.ended.set()


def _send(container: Container, *, terminate: bool) -> None:
    try:
        if terminate:
            container.process.terminate()
        else:
            container.process.kill()
    except ProcessLookupError:
        return
