"""The platform's side of backups, through whichever API server answers: read, change, trigger.

The platform's document names the resource, its fields, the secret and the `exec` subresource.
Keys travel through the session's stdin only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from recovery.backups.credentials import SECRET_NAMESPACE
from recovery.backups.outside_text import one_line
from recovery.backups.s3_keys import S3Keys
from recovery.backups.seen_configuration import SeenConfiguration, Source, from_resource
from recovery.cluster.kubernetes import BACKUP_CONFIGURATION, BACKUP_CONFIGURATION_NAME
from recovery.errors import ConfigurationError, KubernetesError, RescueError

API_PATH = "/apis/enhancement.cluster.alauda.io/v1/etcdbackupconfigurations"
TRIGGER_SECONDS = 600
"""The platform may answer only once the backup is taken and sent to the bucket."""
_SECONDS = 10
_READ_SECONDS = 6
_NO_SUCH_TYPE = ("doesn't have a resource type", "could not find the requested resource")
"""What kubectl and the API server say where nobody ever installed the platform's resources."""


class Kubectl(Protocol):
    """What is used of an ApiServer."""

    name: str

    async def kubectl(
        self, *words: str, seconds: int = _SECONDS, stdin: bytes | None = None
    ) -> str: ...


class ConflictError(RescueError):
    """Somebody else changed the thing meanwhile; nothing of ours was written."""


class NoSuchResourceError(KubernetesError):
    """The cluster has no EtcdBackupConfiguration: it has no platform, or an older one."""


class Platform:
    """The resource and its secret. `servers` gives the API servers, the best one first.

    Every method raises KubernetesError where none answers.
    """

    def __init__(self, servers: Callable[[], Iterable[Kubectl]]) -> None:
        self._servers = servers

    async def read(self) -> tuple[SeenConfiguration, Mapping[str, object]]:
        """The configuration now, and the whole resource to be remembered.

        Raises NoSuchResourceError where the cluster has none.
        """
        words = ("get", BACKUP_CONFIGURATION, "-o", "json")
        try:
            text = await self._ask(*words, seconds=_READ_SECONDS)
        except KubernetesError as error:
            if any(known in error.detail for known in _NO_SUCH_TYPE):
                raise _no_resource() from error
            raise
        resource = _the_one_of(_document(text))
        return from_resource(resource, Source.CLUSTER, datetime.now(UTC)), resource

    async def change(
        self, seen: SeenConfiguration, patch: Mapping[str, object], *, only_try: bool = False
    ) -> None:
        """Merge the patch into the spec that was seen; all of it, or nothing.

        `only_try` has the API server judge it and write nothing.

        Raises ConflictError where the resource is no longer the one that was seen, and
        ConfigurationError where the API server finds the new spec wrong.
        """
        body = {"metadata": {"resourceVersion": seen.resource_version}, "spec": patch}
        words = ("patch", BACKUP_CONFIGURATION, seen.name, "--type", "merge")
        try:
            dry = ("--dry-run=server",) if only_try else ()
            await self._ask(*words, *dry, "--patch", json.dumps(body), once=True)
        except KubernetesError as error:
            raise _refused(error, f"EtcdBackupConfiguration {seen.name}") from error

    async def secret(self, name: str) -> Mapping[str, object] | None:
        """The secret in the platform's namespace; None where there is none. Never to be shown."""
        try:
            words = ("get", "secret", name, "--namespace", SECRET_NAMESPACE, "-o", "json")
            return _document(await self._ask(*words))
        except KubernetesError as error:
            if "(NotFound)" in error.detail:
                return None
            raise

    async def store_keys(self, name: str, keys: S3Keys) -> bool:
        """Put the keys into that secret, made where there is none; whether it was made.

        Other keys of an existing secret stay. Raises ConflictError where somebody else changed it
        meanwhile.
        """
        before = await self.secret(name)
        data = {"ACCESS_KEY": _encoded(keys.access_key), "SECRET_KEY": _encoded(keys.secret_key)}
        if before is None:
            body: dict[str, object] = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": SECRET_NAMESPACE},
                "type": "Opaque",
                "data": data,
            }
        else:
            held = before.get("data")
            body = {**before, "data": {**(held if isinstance(held, Mapping) else {}), **data}}
        verb = "create" if before is None else "replace"
        words = (verb, "--namespace", SECRET_NAMESPACE, "-f", "-")
        try:
            await self._ask(*words, stdin=json.dumps(body).encode(), once=True)
        except KubernetesError as error:
            safe = KubernetesError(
                error.what, where=error.where, remedy=error.remedy, detail=keys.hide(error.detail)
            )
            raise _refused(safe, f"secret {name}") from None
        return before is None

    async def trigger(self, name: str) -> str:
        """Have the platform take a backup now, through the `exec` subresource; what it answers."""
        path = f"{API_PATH}/{name}/exec"
        return one_line(
            await self._ask("get", "--raw", path, seconds=TRIGGER_SECONDS, once=True), 600
        )

    async def _ask(
        self,
        *words: str,
        seconds: int = _SECONDS,
        stdin: bytes | None = None,
        once: bool = False,
    ) -> str:
        """The first answer; that there is no such thing is one. With `once`, only who cannot be
        reached at all is passed over: what may have been done is not done twice."""
        trouble: RescueError | None = None
        for server in self._servers():
            try:
                return await server.kubectl(*words, seconds=seconds, stdin=stdin)
            except KubernetesError as error:
                if any(words in error.detail for words in (*_NO_SUCH_TYPE, "(NotFound)")):
                    raise
                if once and not _unreached(error):
                    raise
                trouble = error
            except RescueError as error:
                trouble = error
        raise KubernetesError(
            "no API server answers",
            where="EtcdBackupConfiguration",
            remedy="see which control-plane nodes run one: etcd-rescue health",
            detail=str(trouble) if trouble else "no control-plane node could be asked",
        )


def _unreached(error: KubernetesError) -> bool:
    words = ("was refused", "no such host", "is not on the PATH", "no such file or directory")
    return any(word in error.detail for word in words)


def _the_one_of(listed: Mapping[str, object]) -> Mapping[str, object]:
    """The platform's default configuration, or the only other one."""
    items = listed.get("items")
    found = [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    if not found:
        raise _no_resource()
    return next((one for one in found if _name(one) == BACKUP_CONFIGURATION_NAME), found[0])


def _no_resource() -> NoSuchResourceError:
    return NoSuchResourceError(
        "the cluster has no EtcdBackupConfiguration",
        where="EtcdBackupConfiguration",
        remedy="describe the backups under `backup` in the inventory",
    )


def _name(resource: Mapping[str, object]) -> object:
    metadata = resource.get("metadata")
    return metadata.get("name") if isinstance(metadata, Mapping) else None


def _document(text: str) -> Mapping[str, object]:
    try:
        document = json.loads(text)
    except ValueError:
        # No `from`: a JSON error carries the document, which may be a secret.
        raise KubernetesError("kubectl did not answer in JSON", remedy="ask again") from None
    return document if isinstance(document, Mapping) else {}


def _refused(error: KubernetesError, what: str) -> RescueError:
    if "(Conflict)" in error.detail or "(AlreadyExists)" in error.detail:
        return ConflictError(
            "somebody else has changed it meanwhile; it was not written",
            where=what,
            remedy="read it again, and make the change anew",
            detail=error.detail,
        )
    if "(Invalid)" in error.detail or "(BadRequest)" in error.detail:
        return ConfigurationError(
            "the API server refuses the change; nothing was written",
            where=what,
            remedy="see what it says about the field",
            detail=error.detail,
        )
    return error


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
