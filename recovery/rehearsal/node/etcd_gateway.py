"""etcd's JSON gateway, for the API server stand-in: the standard library only."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit


class GatewayError(Exception):
    """etcd does not answer, or not in time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's value, and the revision that wrote it."""

    value: bytes
    revision: int


class EtcdGateway:
    """One member's gateway (`/v3/…`, the same in etcd 3.4, 3.5 and 3.6)."""

    def __init__(self, url: str, ca: str, certificate: str, key: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 2379
        self._tls = ssl.create_default_context(cafile=ca)
        self._tls.load_cert_chain(certificate, key)

    def call(self, path: str, body: dict[str, object], timeout: float = 5.0) -> dict[str, object]:
        """One call; raises GatewayError."""
        return cast("dict[str, object]", json.loads(self._answer(path, body, timeout)))

    def _answer(self, path: str, body: dict[str, object], timeout: float) -> bytes:
        connection = http.client.HTTPSConnection(
            self._host, self._port, timeout=timeout, context=self._tls
        )
        try:
            connection.request("POST", path, json.dumps(body))
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise GatewayError(str(error)) from error
        finally:
            connection.close()
        if response.status != 200:
            raise GatewayError(content.decode(errors="replace"))
        return content

    def range(self, key: str, timeout: float = 5.0, *, prefix: bool = False) -> dict[str, bytes]:
        """A linearizable read of one key, or of all below it; values by key."""
        found = self.entries(key, timeout, prefix=prefix)
        return {name: entry.value for name, entry in found.items()}

    def entry(self, key: str, timeout: float = 5.0) -> Entry | None:
        """A linearizable read of one key; None where it is not there."""
        return self.entries(key, timeout).get(key)

    def entries(self, key: str, timeout: float = 5.0, *, prefix: bool = False) -> dict[str, Entry]:
        """A linearizable read of one key, or of all below it."""
        body: dict[str, object] = {"key": _b64(key.encode())}
        if prefix:
            end = bytearray(key.encode())
            end[-1] += 1
            body["range_end"] = _b64(bytes(end))
        answer = self.call("/v3/kv/range", body, timeout)
        pairs = cast("list[dict[str, str]]", answer.get("kvs", []))
        return {
            base64.b64decode(pair["key"]).decode(errors="replace"): Entry(
                base64.b64decode(pair.get("value", "")), int(pair["mod_revision"])
            )
            for pair in pairs
        }

    def put_if(self, key: str, value: bytes, revision: int, timeout: float = 5.0) -> bool:
        """Write the key if that revision wrote it last (0: if it is not there); whether it was."""
        name = _b64(key.encode())
        compare = {"key": name, "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}
        put = {"request_put": {"key": name, "value": _b64(value)}}
        answer = self.call("/v3/kv/txn", {"compare": [compare], "success": [put]}, timeout)
        return bool(answer.get("succeeded"))

    def snapshot(self, timeout: float = 60.0) -> bytes:
        """The whole database, as etcd's own snapshot gives it: with a hash at its end."""
        content = self._answer("/v3/maintenance/snapshot", {}, timeout)
        parts = [json.loads(line)["result"] for line in content.splitlines() if line.strip()]
        return b"".join(base64.b64decode(part.get("blob", "")) for part in parts)


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()
