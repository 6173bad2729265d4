"""The rehearsal's S3 server: moto in a process of its own, filled over plain HTTP."""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from recovery.errors import RehearsalError
from recovery.rehearsal.node.processes import start_process

BUCKET = "etcd-backups"
DIRECTORY = "demo"
REGION = "us-east-1"
ACCESS_KEY = "rehearsal"
SECRET_KEY = "rehearsal-secret"
_START_SECONDS = 30.0


class ObjectStore:
    """A running S3 server on loopback."""

    def __init__(self, address: str, port: int, log: Path, environment: Mapping[str, str]) -> None:
        self._address, self._port, self._log = address, port, log
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://{self._address}:{self._port}"

    async def start(self) -> None:
        """Start it; `fill` waits until it answers. Raises RehearsalError without moto."""
        if importlib.util.find_spec("moto") is None:
            raise RehearsalError(
                "the S3 server of the rehearsal is not installed",
                remedy="in a checkout: pip install '.[demo]'",
            )
        command = [sys.executable, "-m", "moto.server", "-H", self._address, "-p", str(self._port)]
        self._process = await start_process(command, self._environment, self._log)

    async def fill(self, objects: Mapping[str, bytes]) -> None:
        """Make the bucket and put these objects below `DIRECTORY`."""
        await self._wait()
        await asyncio.to_thread(self._fill, objects)

    async def stop(self) -> None:
        """Kill it."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _fill(self, objects: Mapping[str, bytes]) -> None:
        self._put(f"/{BUCKET}", b"")
        for name, content in objects.items():
            self._put(f"/{BUCKET}/{DIRECTORY}/{name}", content)

    async def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                await asyncio.to_thread(self._greet)
                return
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() > deadline:
                    raise RehearsalError(
                        "the S3 server does not answer",
                        where=self.endpoint,
                        remedy="in a checkout: pip install '.[demo]', again",
                        detail=str(error),
                    ) from error
                await asyncio.sleep(0.1)

    def _greet(self) -> None:
        connection = http.client.HTTPConnection(self._address, self._port, timeout=5)
        connection.request("GET", "/moto-api/")
        connection.getresponse().read()
        connection.close()

    def _put(self, path: str, content: bytes) -> None:
        connection = http.client.HTTPConnection(self._address, self._port, timeout=30)
        # moto wants to see who asks, and believes it.
        credential = f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20200101/{REGION}/s3/aws4_request"
        connection.request("PUT", path, content, {"Authorization": credential})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status >= 300:
            raise RehearsalError(
                f"the S3 server refused an object with status {response.status}",
                where=f"{self.endpoint}{path}",
                detail=body.decode(errors="replace"),
            )
