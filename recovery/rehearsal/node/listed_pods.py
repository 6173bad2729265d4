"""Pods that a worker of the rehearsal only lists: nothing runs for them.

The API knows some hundred pods on the worker, and a process for each would be too much. What
`crictl ps` lists beside the containers stands in a file of the node; without an entry there the
pod does not run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from recovery.rehearsal.node.runtime import RUNNING

_STARTED_AT = 1_700_000_000_000_000_000
_IMAGE = "registry.example.com/app:1"


@dataclass(frozen=True, slots=True)
class ListedPod:
    """One of them, with the container that it would have."""

    namespace: str
    pod: str
    name: str = "main"
    image: str = _IMAGE
    attempt: int = 0
    created_at: int = _STARTED_AT
    """Nanoseconds since the epoch, as the CRI counts."""
    running: bool = True
    state: str = RUNNING

    @property
    def id(self) -> str:
        """The container's."""
        return self._digest("container")

    @property
    def pod_id(self) -> str:
        """The sandbox's."""
        return self._digest("sandbox")

    @property
    def pod_uid(self) -> str:
        """The pod's."""
        return self._digest("pod")[:32]

    def _digest(self, what: str) -> str:
        return hashlib.sha256(f"{what} {self.namespace}/{self.pod}".encode()).hexdigest()


def write_pods(path: Path, pods: Iterable[tuple[str, str]]) -> None:
    """Have these pods, as (namespace, name), listed from now on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([list(pod) for pod in pods]))


def read_pods(path: Path) -> tuple[ListedPod, ...]:
    """The pods of that file; none where it is not there."""
    if not path.is_file():
        return ()
    return tuple(ListedPod(namespace, name) for namespace, name in json.loads(path.read_text()))
