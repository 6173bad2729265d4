"""An incident whose snapshots differ, and one that can be tried, at the pace that a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from textual import events
from textual.pilot import Pilot
from textual.screen import Screen

from recovery.backups.model import Catalog, Copy, Snapshot
from recovery.errors import RescueError
from recovery.incident import Progress
from recovery.snapshots.comparison import Change, Comparison, KeyChange
from recovery.snapshots.model import FetchedSnapshot
from screens.case import Case
from screens.comparison import ComparisonScreen
from tests.screens.canned import Answers, CannedIncident
from tests.screens.canned_cluster import canned_clock, canned_snapshots
from tui.app import RescueApp

REVISIONS = {"2026-11-22": 182334, "2026-11-21": 181130, "2026-11-20": 180002}

_PLACES = {"nodes": "minions", "services": "services/specs"}
_WORDS = (
    (Change.ADDED, "pods", "shop", "web-7d9f6c5b4-x2x9q"),
    (Change.ADDED, "pods", "shop", "web-7d9f6c5b4-zz8rp"),
    (Change.REMOVED, "pods", "shop", "web-6c7d8e9f0-abcde"),
    (Change.CHANGED, "pods", "kube-system", "coredns-5d78c9869d-4xq2r"),
    (Change.CHANGED, "deployments", "shop", "web"),
    (Change.ADDED, "replicasets", "shop", "web-7d9f6c5b4"),
    (Change.CHANGED, "configmaps", "kube-system", "kube-apiserver-legacy-service-account-token"),
    (Change.ADDED, "secrets", "shop", "checkout-payment-provider"),
    (Change.CHANGED, "services", "very-long-namespace-of-the-payments-team-europe", "pay"),
    (Change.CHANGED, "nodes", "", "worker-1"),
    (Change.REMOVED, "widgets.apps.example.com", "shop", "blue"),
)


def canned_comparison(leases: int = 24) -> Comparison:
    """What a day leaves behind: a roll-out, a secret, leases renewed, a key of somebody else."""
    keys = [_key(*words) for words in _WORDS]
    keys += [
        _key(Change.CHANGED, "leases", "kube-node-lease", f"worker-{number}")
        for number in range(1, leases + 1)
    ]
    keys.append(KeyChange("/calico/ipam/v2/host/worker-1/ipv4", Change.CHANGED, "", ""))
    return Comparison(tuple(sorted(keys, key=lambda each: each.key)), in_full=False)


def many_changes(number: int) -> Comparison:
    """So many keys, all alike but for their number."""
    return Comparison(tuple(_numbered(number)), in_full=True)


def _numbered(number: int) -> Iterator[KeyChange]:
    changes = list(Change)
    for index in range(number):
        yield _key(changes[index % 3], "events", f"space-{index % 7}", f"event-{index:07}")


def _key(change: Change, resource: str, namespace: str, name: str) -> KeyChange:
    place = _PLACES.get(resource, resource)
    path = "/".join(part for part in ("/registry", place, namespace, name) if part)
    return KeyChange(path, change, resource, namespace)


@dataclass
class Compared:
    """What the incident says of two snapshots, for tests to change."""

    comparison: Comparison = field(default_factory=canned_comparison)
    error: RescueError | None = None
    hold: asyncio.Event | None = None
    """Comparing waits for it."""
    hold_reading: asyncio.Event | None = None
    """Reading waits for it at 62 %."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    cancelled: bool = False


class ComparedIncident(CannedIncident):
    """Its snapshots have a revision each, and differ."""

    def __init__(self, answers: Answers | None = None, compared: Compared | None = None) -> None:
        super().__init__(answers)
        self.compared = compared or Compared()

    async def verify(
        self, wanted: Snapshot | Copy, progress: Progress | None = None, *, sha256: str = ""
    ) -> FetchedSnapshot:
        """As ever, with a revision and a hash of its own."""
        assert isinstance(wanted, Snapshot)
        hold = self.compared.hold_reading
        if hold is not None and progress is not None:
            progress("fetching", wanted.size * 62 // 100, wanted.size)
            await self._held(hold)
        fetched = await super().verify(wanted, progress)
        contents = fetched.verdict.contents
        day = f"{wanted.taken_at:%Y-%m-%d}" if wanted.taken_at is not None else ""
        if contents is None or day not in REVISIONS:
            return fetched
        verdict = replace(fetched.verdict, contents=replace(contents, revision=REVISIONS[day]))
        return replace(fetched, verdict=verdict, sha256=f"{REVISIONS[day]:016x}" * 4)

    async def compare(
        self,
        old: FetchedSnapshot,
        new: FetchedSnapshot,
        progress: Callable[[int, int], None] | None = None,
    ) -> Comparison:
        """The canned one."""
        self.compared.asked.append((old.name, new.name))
        if progress is not None:
            progress(131 << 20, 423 << 20)
        if self.compared.hold is not None:
            await self._held(self.compared.hold)
        if self.compared.error is not None:
            raise self.compared.error
        return self.compared.comparison

    async def _held(self, hold: asyncio.Event) -> None:
        try:
            await hold.wait()
        except asyncio.CancelledError:
            self.compared.cancelled = True
            raise


class OneScreenApp(RescueApp):
    """The app with one screen over an empty one, instead of home."""

    def __init__(self, case: Case, opened: Screen[None]) -> None:
        super().__init__([case.incident], cases=[case])
        self.opened = opened

    async def on_mount(self, event: events.Mount) -> None:  # type: ignore[override]
        """Not home."""
        event.prevent_default()
        await self.push_screen(Screen())
        await self.push_screen(self.opened)


def canned_case(incident: CannedIncident, exports: Path | None = None) -> Case:
    """A case whose snapshots are listed, with a clock that stands still."""
    incident.catalog = Catalog(incident.answers.snapshots, (), 3)
    return Case(
        incident,
        clock=canned_clock,
        seconds=lambda: 0.0,
        exports=exports or Path("nowhere"),
        tick=0.1,
        health_pause=0.01,
    )


def comparing_app(
    compared: Compared | None = None, old: int = 1, new: int = 0, exports: Path | None = None
) -> OneScreenApp:
    """The comparison of two snapshots, which are counted from the newest."""
    case = canned_case(ComparedIncident(compared=compared), exports)
    snapshots = canned_snapshots()
    return OneScreenApp(case, ComparisonScreen(case, snapshots[old], snapshots[new]))


@asynccontextmanager
async def comparing(
    compared: Compared | None = None,
    old: int = 1,
    new: int = 0,
    *,
    size: tuple[int, int] = (80, 24),
    exports: Path | None = None,
) -> AsyncIterator[Pilot[Any]]:
    """That comparison, opened."""
    app = comparing_app(compared, old, new, exports)
    async with app.run_test(size=size, notifications=True) as pilot:
        yield pilot


def only_file(directory: Path) -> str:
    """The text of the only file in the directory, which only its owner may read."""
    (path,) = directory.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_text(encoding="utf-8")
