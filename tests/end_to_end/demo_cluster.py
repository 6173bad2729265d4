"""A demo as its user starts it, and the program's commands run against it from outside."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from recovery.rehearsal.node.etcd_gateway import EtcdGateway

PROGRAM = (sys.executable, "-m", "tui.command_line")
START_SECONDS = 90


@dataclass(frozen=True)
class Demo:
    """A headless demo that runs, and a home directory that is nobody's."""

    inventory: Path
    home: Path
    process: subprocess.Popen[str]

    @property
    def directory(self) -> Path:
        """Where the demo keeps everything."""
        return self.inventory.parent

    @property
    def runs(self) -> Path:
        """The journals of the runs made here."""
        return self.home / ".local/state/etcd-rescue/runs"

    def command(self, *arguments: str, seconds: float = 240) -> subprocess.CompletedProcess[str]:
        """Run one command of the program to its end."""
        return subprocess.run(
            [*PROGRAM, "--inventory", str(self.inventory), *arguments],
            env=clean_environment(self.home),
            text=True,
            capture_output=True,
            timeout=seconds,
        )

    def json(self, *arguments: str) -> Any:
        """The one document that a command prints."""
        ran = self.command(*arguments, "-o", "json")
        return json.loads(ran.stdout)

    def nodes(self, role: str = "controlPlane") -> list[dict[str, Any]]:
        """The control-plane nodes (or the `workers`) as the inventory has them."""
        clusters = yaml.safe_load(self.inventory.read_text())["clusters"]
        entries: list[dict[str, Any]] = clusters[0][role]
        return entries

    def contents(self, node: dict[str, Any]) -> dict[str, str]:
        """Every key below /registry and its value, as this member alone has them."""
        pki = Path(node["paths"]["pki"])
        gateway = EtcdGateway(
            f"https://{node['host']}:2379",
            str(pki / "ca.crt"),
            str(pki / "server.crt"),
            str(pki / "server.key"),
        )
        return all_keys(gateway, serializable=True)


def all_keys(gateway: EtcdGateway, *, serializable: bool) -> dict[str, str]:
    """Keys and values (base64) below /registry."""
    answer = gateway.call(
        "/v3/kv/range",
        {
            "key": base64.b64encode(b"/registry/").decode(),
            "range_end": base64.b64encode(b"/registry0").decode(),
            "serializable": serializable,
        },
        20,
    )
    pairs: Any = answer.get("kvs", [])
    return {pair["key"]: pair.get("value", "") for pair in pairs}


def clean_environment(home: Path) -> dict[str, str]:
    """The environment of somebody who has configured nothing."""
    kept = ("PATH", "LANG", "TMPDIR", "ETCD_RESCUE_ETCD_DIR", "PYTHONPATH", "VIRTUAL_ENV")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    return {**environment, "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def running_demo(home: Path, *arguments: str) -> Iterator[Demo]:
    """Start `demo --headless`; it is interrupted at the end, and must leave nothing behind."""
    process = subprocess.Popen(
        [*PROGRAM, "demo", "--headless", *arguments],
        env=clean_environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    inventory = process.stdout.readline().strip()
    if not inventory:
        raise AssertionError(f"the demo did not start: {process.stderr.read()}")
    demo = Demo(Path(inventory), home, process)
    try:
        yield demo
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        process.stdout.close()
        process.stderr.close()
    assert not demo.directory.exists(), "the demo left its directory behind"
