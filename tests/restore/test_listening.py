"""Ports are looked up in the kernel's own table, by exact address."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator

import pytest

from recovery.restore.listening import WHO_LISTENS, listening_patterns
from recovery.restore.script import node_script


def taken(*urls: str) -> bool:
    script = node_script(WHO_LISTENS + "\ntaken", sockets=" ".join(listening_patterns(urls)))
    return subprocess.run(["sh", "-c", script], check=False).returncode == 0


@pytest.fixture(name="listener", params=["127.0.0.9", "::1", "0.0.0.0", "::"])
def listener_fixture(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    host: str = request.param
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as opened:
        opened.bind((host, 0))
        opened.listen()
        yield host, opened.getsockname()[1]


def test_a_listener_on_the_same_address_or_on_all_is_seen(listener: tuple[str, int]) -> None:
    host, port = listener
    asked = {"0.0.0.0": "127.0.0.9", "::": "127.0.0.9", "::1": "[::1]"}.get(host, host)
    assert taken(f"https://{asked}:{port}")
    assert not taken(f"https://{asked}:{port + 1 if port < 65535 else port - 1}")


def test_a_listener_on_another_address_is_not_in_the_way() -> None:
    with socket.socket() as opened:
        opened.bind(("127.0.0.9", 0))
        opened.listen()
        assert not taken(f"https://127.0.0.10:{opened.getsockname()[1]}")
