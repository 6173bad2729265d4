"""Where the inventory is looked for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from recovery.errors import InventoryError
from recovery.inventory.search import find_inventory


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and an empty working directory."""
    (tmp_path / "home/.config/etcd-rescue").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def test_the_places_are_asked_in_the_order_of_the_contract(home: Path, tmp_path: Path) -> None:
    environ = {"HOME": str(home)}
    at_home = home / ".config/etcd-rescue/inventory.yaml"
    at_home.touch()
    assert find_inventory(None, environ) == at_home
    here = tmp_path / "here/etcd-rescue.yaml"
    here.touch()
    assert find_inventory(None, environ) == here
    environ["ETCD_RESCUE_INVENTORY"] = str(tmp_path / "by-variable.yaml")
    (tmp_path / "by-variable.yaml").touch()
    assert find_inventory(None, environ) == tmp_path / "by-variable.yaml"
    (tmp_path / "named.yaml").touch()
    assert find_inventory(tmp_path / "named.yaml", environ) == tmp_path / "named.yaml"


def test_one_that_is_named_must_exist(home: Path, tmp_path: Path) -> None:
    (home / ".config/etcd-rescue/inventory.yaml").touch()
    missing = tmp_path / "missing.yaml"
    with pytest.raises(InventoryError, match="--inventory names does not exist"):
        find_inventory(missing, {"HOME": str(home)})
    with pytest.raises(InventoryError, match=r"\$ETCD_RESCUE_INVENTORY names does not exist"):
        find_inventory(None, {"HOME": str(home), "ETCD_RESCUE_INVENTORY": str(missing)})


def test_a_directory_is_no_inventory(home: Path) -> None:
    with pytest.raises(InventoryError, match="directory"):
        find_inventory(home, {})


def test_none_at_all_names_every_place_and_what_to_do(home: Path, tmp_path: Path) -> None:
    if Path("/etc/etcd-rescue/inventory.yaml").exists():
        pytest.skip("this machine has an inventory for everybody")
    with pytest.raises(InventoryError) as caught:
        find_inventory(None, {"HOME": str(home)})
    for place in (
        "$ETCD_RESCUE_INVENTORY",
        f"{tmp_path}/here/etcd-rescue.yaml",
        f"{home}/.config/etcd-rescue/inventory.yaml",
        "/etc/etcd-rescue/inventory.yaml",
    ):
        assert place in caught.value.what
    assert "--inventory" in caught.value.remedy


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that may not be looked into, also where the tests run as root."""
    directory = tmp_path / "closed"
    look = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.parent == directory or path.name == "inventory.yaml":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    return directory


def test_a_place_that_may_not_be_looked_at_is_said_to_be_so(home: Path, closed: Path) -> None:
    with pytest.raises(InventoryError, match="which you may not look at"):
        find_inventory(None, {"HOME": str(home)})
    assert find_inventory(closed / "named.yaml", {}) == closed / "named.yaml"


def test_an_unknown_home_directory_is_no_crash() -> None:
    with pytest.raises(InventoryError, match="home directory"):
        find_inventory(Path("~nobody-of-that-name/inventory.yaml"), {})
