"""The care for a cluster's backups, in one place: what `incident.backups` hands out.

The configuration read, changed, S3 tried and set up, a backup taken, drift told. It draws nothing
and asks nobody: consent is the caller's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from recovery.backups.credentials import AskForKeys, credentials_from_secret
from recovery.backups.drift import backup_drift
from recovery.backups.last_seen import remember, remembered
from recovery.backups.listed_places import (
    bucket_is_listed,
    directory_is_listed,
    unlisted_places,
)
from recovery.backups.model import Catalog, Record, StoreKind
from recovery.backups.s3_keys import S3Keys
from recovery.backups.seen_configuration import (
    SeenConfiguration,
    Source,
    from_json,
    from_spec,
)
from recovery.cluster.facts import ClusterFacts
from recovery.errors import ConfigurationError, KubernetesError, RefusedError, RescueError
from recovery.health.model import Check
from recovery.inventory.model import Cluster

if TYPE_CHECKING:
    from recovery.backups.configuration import S3Storage
    from recovery.backups.platform import Platform
    from recovery.backups.platform_backup import OnStage, PlatformBackup
    from recovery.backups.s3_trial import OnCheck, S3Trial
    from recovery.backups.spec_change import SpecChange
    from recovery.ssh.fleet import Fleet

Look = Callable[[], Awaitable[ClusterFacts]]


class BackupCare:
    """Everything about one cluster's backups but the catalog, which is the incident's."""

    def __init__(
        self,
        cluster: Cluster,
        fleet: Callable[[], Fleet],
        facts: Look,
        seen: Path,
        ask: AskForKeys | None = None,
    ) -> None:
        """`facts` gives what the nodes said last, asking them where nobody did; `seen` is the
        file that keeps the last configuration."""
        self.cluster = cluster
        self.seen: SeenConfiguration | None = None
        """What `configuration` found last."""
        self._fleet = fleet
        self._facts = facts
        self._kept = seen
        self._ask = ask

    async def configuration(self) -> SeenConfiguration:
        """From an API server; else as it was last seen; else the inventory's; else none.

        Never raises for a cluster that does not answer: `source` and `trouble` say what it is.
        """
        from recovery.backups.platform import NoSuchResourceError

        try:
            found, resource = await (await self._platform()).read()
        except NoSuchResourceError as error:
            self.seen = self._without_platform(error.what)
        except RescueError as error:
            self.seen = await self._last_known(error.detail or error.what)
        else:
            await asyncio.to_thread(remember, resource, self._kept)
            self.seen = found
        return self.seen

    async def records(self) -> tuple[Record, ...]:
        """The platform's records, as `configuration` finds them; none where there is no platform.

        Raises KubernetesError where no API server answers and none was ever seen to.
        """
        seen = await self.configuration()
        if seen.unanswered:
            raise KubernetesError(
                "the records cannot be read: no API server answers, and they lie in etcd itself",
                remedy="files and objects are listed directly all the same",
                detail=seen.trouble,
            )
        return seen.records

    async def apply(
        self, seen: SeenConfiguration, change: SpecChange, keys: S3Keys | None = None
    ) -> SeenConfiguration:
        """Write the change, all of it or nothing, and read the resource again.

        Keys, where given, go into the secret that the changed spec refers to; before that the API
        server is asked whether it would take the change, so that nothing is half-written. Raises
        ConfigurationError for a change with problems, ConflictError where the resource is no
        longer the one that was seen, RefusedError where there is none to write to.
        """
        if change.problems:
            raise change.problems[0]
        self.require_platform(seen)
        platform = await self._platform()
        if keys is not None:
            s3 = change.s3
            if s3 is None or not s3.secret_ref:
                raise ConfigurationError(
                    "there is no secret to put the keys into",
                    where="spec.remoteStorage.s3.secretRef",
                    remedy="name one, usually etcd-backup-s3-secret",
                )
            if not change.is_none:
                await platform.change(seen, change.patch, only_try=True)
            await platform.store_keys(s3.secret_ref, keys)
        if not change.is_none:
            try:
                await platform.change(seen, change.patch)
            except RescueError as error:
                if keys is None:
                    raise
                raise type(error)(
                    f"{error.what}; but the new keys are in their secret already",
                    where=error.where,
                    remedy=f"{error.remedy}; until then backups use the new keys, if that secret "
                    "is the one that they use",
                    detail=error.detail,
                ) from error
        return await self.configuration()

    def require_platform(self, seen: SeenConfiguration) -> None:
        """Raise RefusedError unless the configuration was read from the cluster just now."""
        if seen.source is Source.CLUSTER:
            return
        if seen.source is Source.LAST_SEEN:
            raise RefusedError(
                "no API server answers, so the configuration cannot be changed now",
                where=self.cluster.name,
                remedy="bring the cluster back first; what is shown was seen earlier",
            )
        raise RefusedError(
            "the cluster has no EtcdBackupConfiguration: its backups follow the inventory",
            where=self.cluster.name,
            remedy="edit the `backup` block of the inventory",
        )

    async def secret_keys(self, name: str) -> S3Keys:
        """The keys that the platform uses. Raises ConfigurationError where the secret is not
        there or lacks one, KubernetesError where nobody can read it."""
        import json

        found = await (await self._platform()).secret(name)
        if found is None:
            raise ConfigurationError(
                f"there is no secret {name} in namespace cpaas-system: secretRef names a wrong one",
                where="spec.remoteStorage.s3.secretRef",
                remedy="set up S3 again, or point secretRef at the right secret",
            )
        return credentials_from_secret(json.dumps(found))

    async def keys_for(self, storage: S3Storage, typed: S3Keys | None = None) -> S3Keys:
        """The very keys that backups to that bucket use: typed ones, the platform's secret, or,
        where the cluster does not answer, whatever this machine has."""
        from recovery.backups.credentials import find_credentials

        if typed is not None:
            return typed
        if self.seen is not None and self.seen.source is Source.CLUSTER and storage.secret_ref:
            return await self.secret_keys(storage.secret_ref)
        source = self.cluster.s3_credentials
        return await find_credentials(
            profile=source.profile, file=source.file, endpoint=storage.endpoint, ask=self._ask
        )

    async def try_s3(
        self, storage: S3Storage, keys: S3Keys, on_check: OnCheck | None = None
    ) -> S3Trial:
        """Connect, list, write a probe, read it, delete it. Never raises for a bad bucket."""
        from recovery.backups.s3_trial import try_bucket

        return await try_bucket(storage, keys, on_check)

    async def back_up_by_platform(
        self, seen: SeenConfiguration, on_stage: OnStage | None = None
    ) -> PlatformBackup:
        """Have the platform take a backup now, and see whether it arrived where it should.

        Raises KubernetesError where it cannot be asked.
        """
        from recovery.backups.platform_backup import take_by_platform

        self.require_platform(seen)
        platform = await self._platform()
        return await take_by_platform(platform, seen, self.configuration, self.keys_for, on_stage)

    @property
    def promised(self) -> bool:
        """Whether any configuration is known, so that backups can be missed at all."""
        seen = self.seen
        return self.cluster.backup is not None or (
            seen is not None and seen.source is not Source.NONE
        )

    def drift(self, catalog: Catalog, now: datetime) -> tuple[Check, ...]:
        """What has drifted from what the configuration promises, as far as it is known."""
        seen = self.seen
        spec = self.cluster.backup
        if seen is not None and seen.source is not Source.NONE and seen.problem is None:
            spec = seen.spec
        unread = any(error.store is StoreKind.RECORDS for error in catalog.errors)
        has_records = any(one.record is not None for one in catalog.snapshots)
        nodes = [node.name for node in self.cluster.control_plane]
        recorded = has_records or not unread
        if spec is None:
            return backup_drift(catalog, None, now, nodes=nodes, recorded=recorded)
        elsewhere = tuple(unlisted_places(self.cluster, spec))
        if not directory_is_listed(self.cluster, spec):
            return elsewhere
        if not bucket_is_listed(self.cluster, spec):
            spec = replace(spec, s3=None)
        return elsewhere + backup_drift(catalog, spec, now, nodes=nodes, recorded=recorded)

    async def _platform(self) -> Platform:
        from recovery.backups.platform import Platform
        from recovery.backups.platform_records import api_servers

        facts = await self._facts()
        return Platform(lambda: api_servers(self._fleet(), facts))

    async def _last_known(self, trouble: str) -> SeenConfiguration:
        kept = await asyncio.to_thread(remembered, self._kept)
        if kept is not None:
            found = from_json(kept[0], Source.LAST_SEEN, kept[1], trouble)
            if found.source is Source.LAST_SEEN:
                return found
        return replace(self._without_platform(trouble), unanswered=True)

    def _without_platform(self, trouble: str) -> SeenConfiguration:
        if self.cluster.backup is not None:
            return from_spec(self.cluster.backup, trouble)
        return SeenConfiguration(Source.NONE, {}, trouble=trouble)
