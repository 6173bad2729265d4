"""Stands for kube-apiserver: real TLS, real etcd behind it, the few paths that matter here.

Runs as a static pod with kubeadm's command line; flags that it does not need are accepted. The
standard library only, so that it starts fast.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from recovery.rehearsal.node.api_paths import ApiPath, api_path
from recovery.rehearsal.node.etcd_gateway import Entry, EtcdGateway, GatewayError
from recovery.rehearsal.node.stored_objects import decode

START_SECONDS = 20.0
ALIVE_SECONDS = 6.0
"""A node that has not reported for so long is not Ready."""

_CACHED = (
    "/registry/minions/",
    "/registry/pods/kube-system/",
    "/registry/enhancement.cluster.alauda.io/etcdbackupconfigurations/",
)
_HEALTH = ("/readyz", "/livez", "/healthz")


class ApiServer(ThreadingHTTPServer):
    """Holds what the handlers share: etcd, the cache of lists, the nodes' reports."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, flags: dict[str, str], etcd: EtcdGateway, cache: dict[str, dict[str, Entry]]
    ) -> None:
        self.etcd = etcd
        self.cache = cache
        self.reports: dict[str, tuple[float, dict[str, dict[str, object]]]] = {}
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(flags["tls-cert-file"], flags["tls-private-key-file"])
        tls.load_verify_locations(flags["client-ca-file"])
        tls.verify_mode = ssl.CERT_OPTIONAL
        self.tls = tls
        super().__init__((flags["advertise-address"], int(flags["secure-port"])), Handler)

    def finish_request(self, request: object, client_address: object) -> None:
        """TLS in the request's own thread, so that a silent client holds up nobody."""
        raw = cast("socket.socket", request)
        raw.settimeout(10)
        try:
            with self.tls.wrap_socket(raw, server_side=True) as secure:
                Handler(secure, client_address, self)
        except OSError:
            return

    def read(self, path: ApiPath) -> dict[str, Entry]:
        """From etcd, or from the watch cache where etcd has no quorum."""
        try:
            found = self.etcd.entries(path.key, 3, prefix=path.name is None)
        except GatewayError:
            if path.name is None and path.key in self.cache:
                return self.cache[path.key]
            for cached in self.cache.values():
                if path.key in cached:
                    return {path.key: cached[path.key]}
            raise
        if path.name is None:
            self.cache[path.key] = found
        return found

    def as_reported(self, kind: str, body: dict[str, object]) -> dict[str, object]:
        """Overlay a node's or a static pod's status with what its kubelet last said."""
        metadata = cast("dict[str, object]", body.get("metadata", {}))
        name = str(metadata.get("name", ""))
        if kind == "Node":
            at, _ = self.reports.get(name, (0.0, {}))
            ready = "True" if time.monotonic() - at < ALIVE_SECONDS and at else "Unknown"
            status = cast("dict[str, object]", body.setdefault("status", {}))
            status["conditions"] = [{"type": "Ready", "status": ready, "reason": "KubeletReady"}]
        if kind == "Pod" and metadata.get("namespace") == "kube-system":
            for at, pods in self.reports.values():
                if name in pods and time.monotonic() - at < ALIVE_SECONDS:
                    _overlay_pod(body, pods[name])
        return body


def _with_revision(entry: Entry) -> dict[str, object]:
    body = decode(entry.value)
    metadata = body.setdefault("metadata", {})
    if isinstance(metadata, dict):
        metadata["resourceVersion"] = str(entry.revision)
    return body


def _overlay_pod(body: dict[str, object], said: dict[str, object]) -> None:
    running = bool(said.get("running"))
    body["status"] = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True" if running else "False"}],
        "containerStatuses": [
            {"name": "main", "ready": running, "restartCount": said.get("restarts", 0)}
        ],
    }


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: ApiServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent, as a quiet API server is."""

    def do_GET(self) -> None:
        """Health, version, lists and single objects."""
        path = self.path.partition("?")[0]
        if path in _HEALTH:
            return self._health(path)
        if path == "/version":
            return self._json(200, {"major": "1", "minor": "31", "gitVersion": "v1.31.0"})
        if not self._known():
            return self._forbidden("get")
        found = api_path(path)
        if found is None:
            return self._status(404, "NotFound", "the server could not find the requested resource")
        if found.subresource:
            return self._back_up(found)
        return self._read(found)

    def do_POST(self) -> None:
        """A kubelet's report, or a new object."""
        if not self.path.startswith("/rehearsal/v1/reports/"):
            return self._write("create")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self._known():
            return self._forbidden("create")
        pods = {str(pod["name"]): pod for pod in json.loads(body)["pods"]}
        self.server.reports[self.path.rpartition("/")[2]] = (time.monotonic(), pods)
        return self._json(200, {})

    def do_PUT(self) -> None:
        """An object as a whole."""
        self._write("replace")

    def do_PATCH(self) -> None:
        """A merge patch."""
        self._write("patch")

    def _write(self, verb: str) -> None:
        from recovery.rehearsal.node import api_writing

        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self._known():
            return self._forbidden(verb)
        path, _, query = self.path.partition("?")
        found = api_path(path)
        if found is None or found.subresource:
            return self._status(404, "NotFound", "the server could not find the requested resource")
        write = {"create": api_writing.create, "replace": api_writing.replace}.get(
            verb, api_writing.merge
        )
        dry_run = "dryRun=All" in query.split("&")
        try:
            stored = write(self.server.etcd, found, json.loads(body), dry_run=dry_run)
        except api_writing.RefusalError as refusal:
            return self._status(refusal.code, refusal.reason, refusal.message)
        except ValueError as error:
            return self._status(400, "BadRequest", f"the body is not understood: {error}")
        except GatewayError:
            return self._status(500, "InternalError", "etcdserver: request timed out")
        return self._json(201 if verb == "create" else 200, stored)

    def _back_up(self, path: ApiPath) -> None:
        """The platform's `exec` subresource: a backup now."""
        from recovery.rehearsal.node.backup_on_demand import BackupFailedError, take_backup

        address = str(self.server.server_address[0])
        try:
            if self.server.etcd.entry(path.key) is None:
                words = f'{path.resource} "{path.name}" not found'
                return self._status(404, "NotFound", words)
            name = take_backup(self.server.etcd, path.key, address)
        except BackupFailedError as error:
            return self._status(500, "InternalError", f"Internal error occurred: {error}")
        except GatewayError:
            return self._status(500, "InternalError", "etcdserver: request timed out")
        return self._json(200, {"status": "Success", "fileName": name})

    def _known(self) -> bool:
        return bool(cast("ssl.SSLSocket", self.connection).getpeercert())

    def _health(self, path: str) -> None:
        try:
            self.server.etcd.range("/registry/health", 3)
        except GatewayError:
            if path != "/livez":
                failed = f"[+]ping ok\n[-]etcd failed: reason withheld\n{path[1:]} check failed\n"
                return self._send(500, failed.encode(), "text/plain")
        if "verbose" in self.path.partition("?")[2].split("&"):
            passed = f"[+]ping ok\n[+]etcd ok\n{path[1:]} check passed\n"
            return self._send(200, passed.encode(), "text/plain")
        return self._send(200, b"ok", "text/plain")

    def _read(self, path: ApiPath) -> None:
        try:
            found = self.server.read(path)
        except GatewayError:
            return self._status(500, "InternalError", "etcdserver: request timed out")
        try:
            stored = [_with_revision(found[key]) for key in sorted(found)]
        except ValueError as error:
            return self._status(500, "InternalError", f"Internal error occurred: {error}")
        bodies = [self.server.as_reported(path.kind, body) for body in stored]
        if path.name is None:
            listed = {"kind": f"{path.kind}List", "apiVersion": path.api_version, "items": bodies}
            return self._json(200, listed)
        if not bodies:
            return self._status(404, "NotFound", f'{path.resource} "{path.name}" not found')
        return self._json(200, bodies[0])

    def _forbidden(self, verb: str) -> None:
        """Health and version are everybody's, the rest is not, as in Kubernetes' default roles."""
        path = self.path.partition("?")[0]
        said = f'forbidden: User "system:anonymous" cannot {verb} path "{path}"'
        self._status(403, "Forbidden", said)

    def _status(self, code: int, reason: str, message: str) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
        self._json(code, {**status, "reason": reason, "message": message})

    def _json(self, code: int, body: object) -> None:
        self._send(code, json.dumps(body).encode(), "application/json")

    def _send(self, code: int, body: bytes, content_type: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def wait_for_etcd(etcd: EtcdGateway) -> dict[str, dict[str, Entry]]:
    """The lists that the watch cache begins with; like the real one it gives up after a while."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return {key: etcd.entries(key, 3, prefix=True) for key in _CACHED}
        except GatewayError as error:
            if time.monotonic() > deadline:
                sys.exit(f"Error: context deadline exceeded: {error}")
            time.sleep(0.3)


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM."""
    flags = {}
    for argument in arguments:
        name, _, value = argument.removeprefix("--").partition("=")
        flags[name] = value
    etcd = EtcdGateway(
        flags["etcd-servers"].split(",")[0],
        flags["etcd-cafile"],
        flags["etcd-certfile"],
        flags["etcd-keyfile"],
    )
    server = ApiServer(flags, etcd, wait_for_etcd(etcd))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
