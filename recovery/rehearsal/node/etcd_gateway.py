"""etcd's JSON gateway, for the API server stand-in: the standard library only."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from typing import cast
from urllib.parse import urlsplit


class GatewayError(Exception):
    """etcd does not answer, or not in time."""


class EtcdGateway:
    """One member's gateway (`/v3/…`, the same in etcd 3.4, 3.5 and 3.6)."""

    def __init__(self, url: str, ca: str, certificate: str, key: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 2379
        self._tls = ssl.create_default_context(cafile=ca)
        self._tls.load_cert_chain(certificate, key)

    def call(self, path: str, body: dict[str, object], timeout: float = 5.0) -> dict[str, object]:
        """One call; raises GatewayError."""
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
        return cast("dict[str, object]", json.loads(content))

    def range(self, key: str, timeout: float = 5.0, *, prefix: bool = False) -> dict[str, bytes]:
        """A linearizable read of one key, or of all below it; values by key."""
        body: dict[str, object] = {"key": _b64(key.encode())}
        if prefix:
            end = bytearray(key.encode())
            end[-1] += 1
            body["range_end"] = _b64(bytes(end))
        answer = self.call("/v3/kv/range", body, timeout)
        pairs = cast("list[dict[str, str]]", answer.get("kvs", []))
        return {
            base64.b64decode(pair["key"]).decode(errors="replace"): base64.b64decode(
                pair.get("value", "")
            )
            for pair in pairs
        }


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()
