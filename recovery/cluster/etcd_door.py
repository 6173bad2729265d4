"""The one door to etcd's own API: nothing else imports etcd3, grpc or protobuf.

Import it late (it costs about 0.2 s of CPU), through `etcd_client`.

Facts: etcd3 0.12.0 brings generated code that current protobuf only loads in its pure-Python
implementation, which is chosen by an environment variable when google.protobuf is first imported.
Its messages lack fields that etcd has added since; they arrive as unknown fields (numbers from
etcd's api/etcdserverpb/rpc.proto).
"""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from recovery.cluster.etcd_answers import (
    Alarm,
    HashAnswer,
    KeyPage,
    ListedMember,
    StoredKey,
    explain,
    hangs_up,
)
from recovery.cluster.etcd_target import Certificates, Target, accepts_connections
from recovery.cluster.facts import MemberStatus

_WHILE_IMPORTING: Final = {
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python",
    # grpc's own log goes to stderr, which belongs to the screen; its fork handlers warn there too.
    "GRPC_VERBOSITY": "NONE",
    "GRPC_ENABLE_FORK_SUPPORT": "0",
}
_KEPT_SETTINGS = ("GRPC_VERBOSITY", "GRPC_ENABLE_FORK_SUPPORT")
"""grpc reads these later than at import."""

_before = {name: os.environ.get(name) for name in _WHILE_IMPORTING}
os.environ.update(_WHILE_IMPORTING)
try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import etcd3
        import grpc
        from etcd3 import etcdrpc
        from google.protobuf import unknown_fields
finally:
    for _name, _value in _before.items():
        if _name in _KEPT_SETTINGS:
            continue
        if _value is None:
            os.environ.pop(_name, None)
        else:
            os.environ[_name] = _value

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    # A channel of its own, really closed with it.
    ("grpc.use_local_subchannel_pool", 1),
    # A member that comes back is seen within a second; the minimum also bounds TLS handshakes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 5000),
    ("grpc.max_reconnect_backoff_ms", 1000),
)

_STATUS_ERRORS = 8
_STATUS_IN_USE = 9
_STATUS_LEARNER = 10
_STATUS_QUOTA = 12
"""Since etcd 3.6."""
_MEMBER_LEARNER = 5

_NOTHING = b"\0"
_ALARMS = {0: "NONE", 1: "NOSPACE", 2: "CORRUPT"}


class _Client(etcd3.Etcd3Client):  # type: ignore[misc]
    """etcd3's client, with certificates from memory instead of files."""

    def _get_secure_creds(self, ca_cert: bytes, cert_key: bytes, cert_cert: bytes) -> object:
        return grpc.ssl_channel_credentials(ca_cert, cert_key, cert_cert)


class Door:
    """A channel to one member. Close it. Every call has a deadline and can be cancelled."""

    def __init__(self, member: str, target: Target, certificates: Certificates | None) -> None:
        options: list[tuple[str, int | str]] = list(_OPTIONS)
        if certificates is None:
            self._client = _Client(*target.parts, grpc_options=options)
        else:
            options.append(("grpc.ssl_target_name_override", target.tls_name))
            self._client = _Client(
                *target.parts,
                ca_cert=certificates.authority,
                cert_key=certificates.key,
                cert_cert=certificates.certificate,
                grpc_options=options,
            )
        self._member = member
        self._target = target

    def close(self) -> None:
        """Close the channel; calls under way end as cancelled."""
        self._client.close()

    async def status(self, timeout: float) -> MemberStatus:
        """The member's own status; answered without a leader too."""
        stub = self._client.maintenancestub
        answer = await self._call(stub.Status, etcdrpc.StatusRequest(), timeout)
        unknown = list(unknown_fields.UnknownFieldSet(answer))
        return MemberStatus(
            name=self._member,
            id=answer.header.member_id,
            cluster_id=answer.header.cluster_id,
            version=answer.version,
            leader_id=answer.leader,
            learner=any(f.field_number == _STATUS_LEARNER and bool(f.data) for f in unknown),
            database_size=answer.dbSize,
            revision=answer.header.revision,
            raft_term=answer.raftTerm,
            raft_index=answer.raftIndex,
            errors=tuple(
                f.data.decode("utf-8", "backslashreplace")
                for f in unknown
                if f.field_number == _STATUS_ERRORS
            ),
            database_in_use=_number(unknown, _STATUS_IN_USE),
            quota=_number(unknown, _STATUS_QUOTA),
        )

    async def members(self, timeout: float) -> tuple[ListedMember, ...]:
        """The member list as this member knows it."""
        stub = self._client.clusterstub
        answer = await self._call(stub.MemberList, etcdrpc.MemberListRequest(), timeout)
        return tuple(
            ListedMember(
                id=member.ID,
                name=member.name,
                peer_urls=tuple(member.peerURLs),
                client_urls=tuple(member.clientURLs),
                learner=_flag(member, _MEMBER_LEARNER),
            )
            for member in answer.members
        )

    async def range(
        self,
        key: bytes,
        end: bytes,
        timeout: float,
        *,
        limit: int = 0,
        revision: int = 0,
        serializable: bool = False,
        keys_only: bool = False,
        count_only: bool = False,
    ) -> KeyPage:
        """Keys from `key` up to, not including, `end`; one key where `end` is empty."""
        request = etcdrpc.RangeRequest(
            key=key or _NOTHING,
            range_end=end,
            limit=limit,
            revision=revision,
            serializable=serializable,
            keys_only=keys_only,
            count_only=count_only,
        )
        answer = await self._call(self._client.kvstub.Range, request, timeout)
        return KeyPage(
            keys=tuple(
                StoredKey(kv.key, kv.value, kv.create_revision, kv.mod_revision, kv.lease)
                for kv in answer.kvs
            ),
            revision=revision or answer.header.revision,
            count=answer.count,
            more=answer.more,
        )

    async def put(self, key: bytes, value: bytes, timeout: float) -> int:
        """Write a key; returns the revision of the write."""
        request = etcdrpc.PutRequest(key=key, value=value)
        answer = await self._call(self._client.kvstub.Put, request, timeout)
        return int(answer.header.revision)

    async def delete(self, key: bytes, timeout: float) -> int:
        """Delete one key; returns how many there were, 0 or 1."""
        request = etcdrpc.DeleteRangeRequest(key=key)
        answer = await self._call(self._client.kvstub.DeleteRange, request, timeout)
        return int(answer.deleted)

    async def hash_kv(self, revision: int, timeout: float) -> HashAnswer:
        """The hash of this member's own keys up to the revision (0: its latest)."""
        request = etcdrpc.HashKVRequest(revision=revision)
        answer = await self._call(self._client.maintenancestub.HashKV, request, timeout)
        return HashAnswer(answer.hash, answer.compact_revision, answer.header.revision)

    async def alarms(self, timeout: float) -> tuple[Alarm, ...]:
        """All alarms of the cluster; needs a quorum."""
        request = etcdrpc.AlarmRequest(action=etcdrpc.AlarmRequest.GET)
        answer = await self._call(self._client.maintenancestub.Alarm, request, timeout)
        return _alarms(answer.alarms)

    async def disarm(self, alarm: Alarm, timeout: float) -> None:
        """Take one alarm back."""
        numbers = {name: number for number, name in _ALARMS.items()}
        request = etcdrpc.AlarmRequest(
            action=etcdrpc.AlarmRequest.DEACTIVATE,
            memberID=alarm.member_id,
            alarm=numbers[alarm.name],
        )
        await self._call(self._client.maintenancestub.Alarm, request, timeout)

    async def compact(self, revision: int, timeout: float) -> None:
        """Drop history below the revision, on all members; returns when it is done here."""
        request = etcdrpc.CompactionRequest(revision=revision, physical=True)
        await self._call(self._client.kvstub.Compact, request, timeout)

    async def defragment(self, timeout: float) -> None:
        """Give freed space of this member's database back; the member is busy meanwhile."""
        stub = self._client.maintenancestub
        await self._call(stub.Defragment, etcdrpc.DefragmentRequest(), timeout)

    async def snapshot(self, write: Callable[[bytes], object], timeout: float) -> None:
        """Stream the member's database, with its trailing sha256, to `write` (in a thread)."""
        stub = self._client.maintenancestub
        call = stub.Snapshot(etcdrpc.SnapshotRequest(), timeout=timeout)

        def drain() -> None:
            for part in call:
                write(part.blob)

        try:
            await asyncio.to_thread(drain)
        except grpc.RpcError as error:
            raise explain(self._member, *_told(error), timeout) from error
        finally:
            call.cancel()

    async def first_change(self, key: bytes, begun: asyncio.Event, timeout: float) -> int:
        """Watch one key until it changes; the revision of the change."""
        loop = asyncio.get_running_loop()
        over = threading.Event()

        def ask() -> Iterator[Any]:
            create = etcdrpc.WatchCreateRequest(key=key)
            yield etcdrpc.WatchRequest(create_request=create)
            over.wait(timeout)  # The stream ends with its requests.

        call = etcdrpc.WatchStub(self._client.channel).Watch(ask(), timeout=timeout)

        def follow() -> int:
            for answer in call:
                if answer.created:
                    loop.call_soon_threadsafe(begun.set)
                if answer.events:
                    return int(answer.header.revision)
            return 0

        try:
            return await asyncio.to_thread(follow)
        except grpc.RpcError as error:
            raise explain(self._member, *_told(error), timeout) from error
        finally:
            over.set()
            call.cancel()

    async def _call(self, method: Any, request: object, timeout: float) -> Any:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def tell(_: object) -> None:
            with suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                loop.call_soon_threadsafe(_wake, ended)

        call = method.future(request, timeout=timeout)
        call.add_done_callback(tell)
        try:
            await ended
            return call.result(timeout=0)
        except grpc.FutureCancelledError as error:
            raise explain(self._member, "CANCELLED", "the channel was closed", timeout) from error
        except grpc.RpcError as error:
            code, details = _told(error)
            if hangs_up(details) and not await accepts_connections(self._target):
                details = f"connection refused: {details}"
            raise explain(self._member, code, details, timeout) from error
        finally:
            call.cancel()


def _wake(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


def _told(error: Any) -> tuple[str, str]:
    return str(error.code().name), str(error.details() or "")


def _number(unknown: Iterable[Any], number: int) -> int | None:
    return next((int(f.data) for f in unknown if f.field_number == number), None)


def _flag(message: Any, number: int) -> bool:
    fields = unknown_fields.UnknownFieldSet(message)
    return any(field.field_number == number and bool(field.data) for field in fields)


def _alarms(listed: Iterable[Any]) -> tuple[Alarm, ...]:
    return tuple(
        Alarm(alarm.memberID, _ALARMS.get(alarm.alarm, f"alarm {alarm.alarm}")) for alarm in listed
    )
