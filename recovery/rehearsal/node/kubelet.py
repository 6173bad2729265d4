"""A small kubelet: static pods from the manifest directory, as far as the procedure sees them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recovery.rehearsal.node.api_reports import ApiReports
from recovery.rehearsal.node.runtime import Container, Runtime
from recovery.rehearsal.node.static_pod import StaticPod, read_static_pod

SYNC_SECONDS = 0.2
REPORT_SECONDS = 2.0
FIRST_BACK_OFF = 1.0
LONGEST_BACK_OFF = 8.0
STEADY_SECONDS = 20.0
"""A container that ran so long starts its back-off anew."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _BackOff:
    seconds: float = FIRST_BACK_OFF
    not_before: float = 0.0


class Kubelet:
    """Runs the static pods of one directory while it is active."""

    def __init__(
        self,
        node: str,
        manifests: Path,
        runtime: Runtime,
        programs: Mapping[str, Sequence[str]],
        reports: ApiReports | None,
    ) -> None:
        self._node = node
        self._manifests = manifests
        self._runtime = runtime
        self._programs = programs
        self._reports = reports
        self._tasks: list[asyncio.Task[None]] = []
        self._back_offs: dict[str, _BackOff] = {}
        self._pod_ids: dict[str, str] = {}
        self._next_attempts: dict[str, int] = {}
        self._parsed: dict[Path, tuple[tuple[int, int, int], StaticPod | None]] = {}

    @property
    def active(self) -> bool:
        """Whether systemd would call it active."""
        return bool(self._tasks)

    def start(self) -> None:
        """Take up the containers that run already; forget earlier back-offs."""
        if self.active:
            return
        self._back_offs.clear()
        self._tasks.append(asyncio.create_task(self._sync_loop()))
        if self._reports is not None:
            self._tasks.append(asyncio.create_task(self._report_loop(self._reports)))

    async def stop(self) -> None:
        """Stop; the containers go on running."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _sync_loop(self) -> None:
        while True:
            try:
                await self._sync()
            except OSError as error:
                logger.warning("%s: sync failed: %s", self._node, error)
            await asyncio.sleep(SYNC_SECONDS)

    async def _sync(self) -> None:
        wanted = {self._full_name(pod): pod for pod in self._pods()}
        for container in list(self._runtime.containers.values()):
            pod = wanted.get(container.pod)
            if pod is None or pod.uid != container.pod_uid:
                await self._runtime.stop(container, 5)
                await self._runtime.remove(container)
        for pod in wanted.values():
            await self._see_running(pod)

    async def _see_running(self, pod: StaticPod) -> None:
        own = sorted(
            (c for c in self._runtime.containers.values() if c.pod_uid == pod.uid),
            key=lambda container: container.created_at,
        )
        last = own[-1] if own else None
        if last is not None and last.running:
            return
        back_off = self._back_offs.setdefault(pod.uid, _BackOff())
        if last is None:
            self._back_offs[pod.uid] = _BackOff()
            await self._start(pod)
        elif self._may_restart(back_off, last):
            for old in own[:-1]:
                await self._runtime.remove(old)
            await self._start(pod)

    @staticmethod
    def _may_restart(back_off: _BackOff, last: Container) -> bool:
        now = time.monotonic()
        if back_off.not_before == 0.0:
            ran = time.time() - last.created_at / 1e9
            if ran > STEADY_SECONDS:
                back_off.seconds = FIRST_BACK_OFF
            back_off.not_before = now + back_off.seconds
            return False
        if now < back_off.not_before:
            return False
        back_off.seconds = min(back_off.seconds * 2, LONGEST_BACK_OFF)
        back_off.not_before = 0.0
        return True

    def _full_name(self, pod: StaticPod) -> str:
        """A static pod's name ends in its node's, as kubelet has it."""
        return f"{pod.name}-{self._node}"

    async def _start(self, pod: StaticPod) -> None:
        program = self._programs.get(pod.command[0])
        if program is None:
            logger.warning("%s: no program for %s", self._node, pod.command[0])
            return
        await self._runtime.start(
            [*program, *pod.command[1:]],
            name=pod.container,
            pod=self._full_name(pod),
            pod_id=self._pod_ids.setdefault(pod.uid, secrets.token_hex(32)),
            pod_uid=pod.uid,
            image=pod.image,
            # Counted by pod: a container that was removed was an attempt too.
            attempt=self._next_attempts.setdefault(pod.uid, 0),
            environment=dict(pod.environment),
        )
        self._next_attempts[pod.uid] += 1

    def _pods(self) -> list[StaticPod]:
        pods = []
        # kubelet's own pattern (pkg/kubelet/config/file.go): names that begin with a dot are not
        # manifests.
        for path in sorted(self._manifests.glob("[!.]*")):
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            known = self._parsed.get(path)
            if known is None or known[0] != stamp:
                known = (stamp, read_static_pod(path))
                self._parsed[path] = known
            if known[1] is not None:
                pods.append(known[1])
        return pods

    async def _report_loop(self, reports: ApiReports) -> None:
        while True:
            await reports.send(self._pods(), self._runtime.containers.values())
            await asyncio.sleep(REPORT_SECONDS)
