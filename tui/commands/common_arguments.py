"""The arguments that stand before or after every command's name."""

from __future__ import annotations

import argparse


def add_common(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Declare them; `default` is argparse.SUPPRESS where the ones before must not be undone."""
    parser.add_argument(
        "--inventory",
        metavar="FILE",
        default=default,
        help="the cluster file (otherwise: $ETCD_RESCUE_INVENTORY, ./etcd-rescue.yaml, "
        "~/.config/etcd-rescue/inventory.yaml, /etc/etcd-rescue/inventory.yaml)",
    )
    parser.add_argument(
        "--cluster", metavar="NAME", default=default, help="which cluster of the inventory"
    )
