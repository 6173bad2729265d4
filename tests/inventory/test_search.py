"""Where the inventory is looked for."""

from __future__ import annotations

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
