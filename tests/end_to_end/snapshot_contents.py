"""What a snapshot holds, told by etcd itself: restored into a single scratch member and read."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import tarfile
import time
from pathlib import Path

from recovery.rehearsal.addresses import free_port
from recovery.rehearsal.etcd_binaries import find_etcd

ADDRESS = "127.0.0.1"


def contents_by_etcd(archive: Path, scratch: Path) -> dict[str, str]:
    """Keys and values (base64) below /registry of a snapshot, a `.tar` or the bare database."""
    import base64

    scratch.mkdir(exist_ok=True)
    content = archive.read_bytes()
    if archive.suffix == ".tar":
        with tarfile.open(archive) as tar:
            packed = tar.extractfile("snapshot.db")
            assert packed is not None
            content = packed.read()
    (scratch / "snapshot.db").write_bytes(content)
    binaries = find_etcd()
    client, peer = free_port(ADDRESS), free_port(ADDRESS)
    data = scratch / "data"
    restore = [
        *(str(binaries.restorer), "snapshot", "restore", str(scratch / "snapshot.db")),
        *("--data-dir", str(data), "--name", "scratch"),
        *("--initial-cluster", f"scratch=http://{ADDRESS}:{peer}"),
        *("--initial-advertise-peer-urls", f"http://{ADDRESS}:{peer}"),
    ]
    environment = {**os.environ, "ETCDCTL_API": "3"}
    subprocess.run(restore, env=environment, check=True, capture_output=True, timeout=60)
    server = subprocess.Popen(
        [
            *(str(binaries.etcd), "--data-dir", str(data), "--name", "scratch"),
            *("--listen-client-urls", f"http://{ADDRESS}:{client}"),
            *("--advertise-client-urls", f"http://{ADDRESS}:{client}"),
            *("--listen-peer-urls", f"http://{ADDRESS}:{peer}"),
            *("--initial-advertise-peer-urls", f"http://{ADDRESS}:{peer}"),
            *("--initial-cluster", f"scratch=http://{ADDRESS}:{peer}"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    body = json.dumps(
        {
            "key": base64.b64encode(b"/registry/").decode(),
            "range_end": base64.b64encode(b"/registry0").decode(),
        }
    )
    try:
        pairs = json.loads(_post(client, body)).get("kvs", [])
    finally:
        server.kill()
        server.wait()
    return {pair["key"]: pair.get("value", "") for pair in pairs}


def _post(port: int, body: str) -> bytes:
    deadline = time.monotonic() + 30
    while True:
        try:
            connection = http.client.HTTPConnection(ADDRESS, port, timeout=10)
            connection.request("POST", "/v3/kv/range", body)
            response = connection.getresponse()
            content = response.read()
            if response.status == 200:
                return content
            raise OSError(content.decode())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
