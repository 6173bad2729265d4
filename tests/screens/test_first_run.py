"""The first run: from an address to an inventory, over real SSH, and how it looks."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from recovery.cluster.facts import Version
from recovery.inventory.load import load_inventory
from recovery.rehearsal.manifests import etcd_manifest
from recovery.rehearsal.node.layout import NodeLayout
from screens.first_run import FirstRunScreen, Search, search_by_ssh
from screens.snapshots import SnapshotsScreen
from tests.screens.canned import CannedIncident
from tests.screens.canned_cluster import canned_clock
from tests.screens.canned_discovery import canned_search, whole_search
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import typed
from tests.ssh.servers import Account, InProcessServer, in_process_server, known_hosts_line, new_key
from tui.app import FirstRun, Opening, RescueApp

PLACE = Path("/home/ops/.config/etcd-rescue/inventory.yaml")
SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((160, 48), id="160x48")]


def first_run(place: Path = PLACE, search: Search = search_by_ssh) -> RescueApp:
    """The app on a first run; what opens after it is canned."""

    def screen(log_path: Path | None) -> FirstRunScreen:
        return FirstRunScreen(place, search=search, clock=canned_clock, log_path=log_path)

    opening = Opening(str(place), lambda: [CannedIncident()])
    return RescueApp(first_run=FirstRun(screen, lambda _path: opening))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody who has a key and knows no host."""
    directory = tmp_path / "home"
    (directory / ".ssh").mkdir(parents=True, mode=0o700)
    for name in ("SSH_AUTH_SOCK", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(directory))
    return directory


@pytest.fixture
def account(home: Path) -> Account:
    """The key where ssh looks for it."""
    person = Account(home / ".ssh")
    person.write()
    person.known_hosts.unlink()
    return person


@asynccontextmanager
async def lone_node(
    account: Account, tmp_path: Path, *, root: bool = True
) -> AsyncIterator[InProcessServer]:
    """A control-plane node whose etcd is dead; `sudo` works there for whoever is not root."""
    layout = NodeLayout(tmp_path / "node", "etcd-1", "127.0.0.1")
    layout.create()
    (layout.manifests / "etcd.yaml").write_text(
        etcd_manifest(layout, [layout], Version(3, 5, 16), None)
    )
    layout.admin_kubeconfig.write_text("current-context: kubernetes-admin@prod-a\n")
    number = 0 if root else 1000
    uid = f'[ "$1" = -un ] && echo ops || echo "${{SIMULATED_UID:-{number}}}"'
    sudo = 'while [ "$1" = -n ]; do shift; done\nSIMULATED_UID=0 exec "$@"'
    for name, body in (("id", uid), ("sudo", sudo), ("crictl", "exit 1"), ("kubectl", "exit 1")):
        program = layout.commands / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    environment = {
        "PATH": f"{layout.commands}:{os.environ['PATH']}",
        "KUBECONFIG": str(layout.admin_kubeconfig),
        "HOME": "/root",
    }
    async with in_process_server(account, InProcessServer(environment=environment)) as server:
        yield server


async def name_node(pilot: Pilot[Any], server: InProcessServer) -> None:
    """Type the address."""
    pilot.app.screen.query_one(Input).value = f"root@{server.host}:{server.port}"
    await pilot.press("enter")


async def test_an_unknown_key_is_accepted_in_place_and_the_inventory_is_written(
    account: Account, home: Path, tmp_path: Path
) -> None:
    place = home / ".config/etcd-rescue/inventory.yaml"
    app = first_run(place)
    async with lone_node(account, tmp_path) as server, app.run_test(size=(80, 24)) as pilot:
        await name_node(pilot, server)
        await shows(pilot, "The host key is not known")
        await pilot.press("t")
        await shows(pilot, "Is this really that host?")
        assert server.host_key.get_fingerprint() in text_on_screen(app)
        await typed(pilot, "y")
        await shows(pilot, "nothing was accepted")
        assert not account.known_hosts.exists()
        app.screen.query_one(Input).value = ""
        await typed(pilot, "yes")
        await shows(pilot, "1 of 1 node answered")
        (accepted,) = account.known_hosts.read_text().splitlines()
        assert known_hosts_line(server, server.host_key).startswith(accepted)
        assert account.known_hosts.stat().st_mode & 0o777 == 0o600
        assert not place.exists()
        await pilot.press("enter")
        await shows(pilot, "Write the inventory of prod-a?")
        await pilot.press("enter")
        await shows(pilot, "1 of 1 node answered")
        assert not place.exists()
        await pilot.press("enter")
        await shows(pilot, "Write the inventory of prod-a?")
        await pilot.press("y")
        await settled(pilot, lambda: isinstance(app.screen, SnapshotsScreen))
    cluster = load_inventory(place).clusters[0]
    assert (cluster.name, cluster.control_plane[0].name) == ("prod-a", "etcd-1")
    assert cluster.control_plane[0].ssh.port == server.port
    assert place.stat().st_mode & 0o777 == 0o600


async def test_a_changed_key_is_refused_and_nothing_offers_to_accept_it(
    account: Account, home: Path, tmp_path: Path
) -> None:
    app = first_run(home / "inventory.yaml")
    async with lone_node(account, tmp_path) as server, app.run_test(size=(80, 24)) as pilot:
        before = known_hosts_line(server, new_key())
        account.known_hosts.write_text(before)
        await name_node(pilot, server)
        await shows(pilot, "CHANGED")
        await pilot.press("t", "enter")
        await pilot.pause()
        assert "host key  a again" not in text_on_screen(app).splitlines()[-1]
        assert isinstance(app.screen, FirstRunScreen)
        assert account.known_hosts.read_text() == before


async def test_a_login_that_is_not_root_goes_on_with_sudo(
    account: Account, home: Path, tmp_path: Path
) -> None:
    place = home / "inventory.yaml"
    app = first_run(place)
    async with (
        lone_node(account, tmp_path, root=False) as server,
        app.run_test(size=(80, 24)) as pilot,
    ):
        account.known_hosts.write_text(known_hosts_line(server, server.host_key))
        await name_node(pilot, server)
        await shows(pilot, "Press s to try again with sudo")
        await pilot.press("s")
        await shows(pilot, "1 of 1 node answered")
        await pilot.press("enter")
        await shows(pilot, "Write the inventory")
        await pilot.press("y")
        await settled(pilot, lambda: isinstance(app.screen, SnapshotsScreen))
    assert load_inventory(place).clusters[0].control_plane[0].ssh.sudo


async def test_a_wrong_key_is_explained(account: Account, home: Path, tmp_path: Path) -> None:
    app = first_run(home / "inventory.yaml")
    async with lone_node(account, tmp_path) as server, app.run_test(size=(80, 24)) as pilot:
        account.known_hosts.write_text(known_hosts_line(server, server.host_key))
        account.identity.write_bytes(new_key().export_private_key())
        await name_node(pilot, server)
        await shows(pilot, "refuses the login of 'root'")
        await shows(pilot, "authorized_keys")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("root@no-such-host.invalid", "does not resolve"),
        ("root@127.0.0.1:1", "refuses the connection"),
        ("root@:22", "no host name or address"),
    ],
)
async def test_an_address_that_leads_nowhere_is_explained(
    address: str, words: str, home: Path
) -> None:
    app = first_run(home / "inventory.yaml")
    async with app.run_test(size=(80, 24)) as pilot:
        app.screen.query_one(Input).value = address
        await pilot.press("enter")
        await shows(pilot, words)


async def test_an_inventory_that_came_meanwhile_is_not_overwritten(home: Path) -> None:
    place = home / "inventory.yaml"
    app = first_run(place, whole_search)
    async with app.run_test(size=(80, 24)) as pilot:
        await typed(pilot, "etcd-1")
        await shows(pilot, "5 of 5 nodes answered")
        place.write_text("mine")
        await pilot.press("enter")
        await shows(pilot, "Write the inventory")
        await pilot.press("y")
        await shows(pilot, "There is an inventory already")
        assert place.read_text() == "mine"
        assert len(app.cases) == 0


@pytest.mark.parametrize("size", SIZES)
def test_the_first_screen(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await shows(pilot, "There is no inventory yet")
        pilot.app.screen.query_one(Input).cursor_blink = False
        await pilot.pause()

    assert snap_compare(first_run(PLACE, canned_search), terminal_size=size, run_before=walk)


@pytest.mark.parametrize("size", SIZES)
def test_nodes_that_were_found(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await typed(pilot, "etcd-1")
        await shows(pilot, "Press t")

    assert snap_compare(first_run(PLACE, canned_search), terminal_size=size, run_before=walk)


@pytest.mark.parametrize("size", SIZES)
def test_a_host_key_to_compare(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[Any]) -> None:
        await typed(pilot, "etcd-1")
        await shows(pilot, "Press t")
        await pilot.press("t")
        await shows(pilot, "Type yes")
        pilot.app.screen.query_one(Input).cursor_blink = False
        await pilot.pause()

    assert snap_compare(first_run(PLACE, canned_search), terminal_size=size, run_before=walk)
