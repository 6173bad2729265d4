"""Finds the inventory file, in the order of the contract."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from recovery.errors import InventoryError


class NoInventoryError(InventoryError):
    """None is named, and in none of the usual places is one."""


VARIABLE = "ETCD_RESCUE_INVENTORY"


def find_inventory(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """The inventory to use: the one named, `$ETCD_RESCUE_INVENTORY`, or the first usual place.

    One that is named must exist; the search does not go on behind it. Raises InventoryError that
    names every place looked at.
    """
    if explicit is not None:
        return _named(explicit, "--inventory")
    if environ.get(VARIABLE):
        return _named(Path(environ[VARIABLE]), f"${VARIABLE}")
    looked_at = [f"${VARIABLE} (not set)"]
    for place in _usual_places(environ):
        try:
            if place.is_file():
                return place
            looked_at.append(str(place))
        except PermissionError:
            looked_at.append(f"{place} (which you may not look at)")
    raise NoInventoryError(
        f"there is no inventory; looked for {', '.join(looked_at)}",
        remedy=(
            "etcd-rescue alone, at a terminal, makes one with you; etcd-rescue discover root@HOST "
            "prints one, read from a control-plane node; --inventory FILE names one"
        ),
    )


def place_to_write(environ: Mapping[str, str]) -> Path:
    """Where an inventory of one's own belongs."""
    return _usual_places(environ)[1]


def _usual_places(environ: Mapping[str, str]) -> tuple[Path, ...]:
    home = Path(environ["HOME"]) if environ.get("HOME") else Path("~").expanduser()
    return (
        Path("./etcd-rescue.yaml").absolute(),
        home / ".config/etcd-rescue/inventory.yaml",
        Path("/etc/etcd-rescue/inventory.yaml"),
    )


def _named(path: Path, by: str) -> Path:
    try:
        path = path.expanduser()
    except RuntimeError as error:
        raise InventoryError(
            f"{by} names a home directory that is not known", where=str(path), remedy="write it out"
        ) from error
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a directory is closed
        raise InventoryError(f"{by} names a directory", where=str(path), remedy="name a file")
    if not _is_there(path):
        raise InventoryError(
            f"the inventory that {by} names does not exist",
            where=str(path),
            remedy="name one that does; etcd-rescue discover root@HOST prints one, read from a "
            "control-plane node",
        )
    return path


def _is_there(path: Path) -> bool:
    """Whether there is something; what may not be looked at is, and reading it says so."""
    try:
        return path.exists()
    except PermissionError:
        return True
