"""The doors of one cluster under care: sessions, stores, cache. Each opens when first asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.backups.credentials import AskForKeys
from recovery.cluster.facts import ClusterFacts
from recovery.inventory.model import Cluster
from recovery.places import cache_directory, state_directory

if TYPE_CHECKING:
    from recovery.backups.fetching import Fetching
    from recovery.backups.known_verdicts import KnownVerdicts
    from recovery.backups.snapshot_cache import SnapshotCache
    from recovery.backups.stores import Store
    from recovery.ssh.fleet import Fleet


class ClusterDoors:
    """Made once for a cluster. `facts` looks where nobody has yet; `latest` only remembers."""

    def __init__(
        self,
        cluster: Cluster,
        environ: Mapping[str, str],
        ask_s3_keys: AskForKeys | None,
        *,
        facts: Callable[[], Awaitable[ClusterFacts]],
        latest: Callable[[], ClusterFacts | None],
    ) -> None:
        self._cluster = cluster
        self._environ = environ
        self._ask_s3_keys = ask_s3_keys
        self._facts = facts
        self._latest = latest
        self._opened = False

    async def close(self) -> None:
        """Close every session and tunnel."""
        if self._opened:
            await self.fleet.close()

    @property
    def last_seen(self) -> Path:
        """The file that keeps the backup configuration last seen."""
        return state_directory(self._environ) / "configurations" / f"{self._cluster.name}.json"

    @cached_property
    def fleet(self) -> Fleet:
        """The sessions to the nodes."""
        from recovery.ssh.fleet import Fleet

        self._opened = True
        return Fleet(self._cluster)

    @cached_property
    def stores(self) -> Sequence[Store]:
        """Where backups lie: node directories, S3, what members hold."""
        from recovery.backups.cluster_stores import cluster_stores

        return cluster_stores(
            self._cluster, self.fleet, self._ask_s3_keys, self._read_s3_secret, self._tool_on
        )

    @cached_property
    def fetching(self) -> Fetching:
        """Judges snapshots where they lie, or brings them here."""
        from recovery.backups.fetching import Fetching

        return Fetching(self.stores, self.cache, self.known_verdicts)

    @cached_property
    def known_verdicts(self) -> KnownVerdicts:
        """What was found out about copies before."""
        from recovery.backups.known_verdicts import KnownVerdicts

        return KnownVerdicts(cache_directory(self._environ))

    @cached_property
    def cache(self) -> SnapshotCache:
        """Snapshots that were fetched."""
        from recovery.backups.snapshot_cache import SnapshotCache

        return SnapshotCache(cache_directory(self._environ))

    async def _read_s3_secret(self) -> str:
        from recovery.backups.credentials import SECRET_NAMESPACE
        from recovery.backups.platform_records import USUAL_SECRET, read_secret

        s3 = self._cluster.backup.s3 if self._cluster.backup else None
        name = (s3.secret_ref if s3 else "") or USUAL_SECRET
        return await read_secret(self.fleet, await self._facts(), SECRET_NAMESPACE, name)

    def _tool_on(self, node: str) -> str:
        from recovery.cluster.etcd_tools import choose_tool

        latest = self._latest()
        facts = latest.nodes.get(node) if latest is not None else None
        tool = choose_tool(None, facts.tools) if facts is not None else None
        return tool.path if tool is not None else ""
