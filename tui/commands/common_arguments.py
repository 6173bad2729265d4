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


def add_allow_node_count(
    parser: argparse.ArgumentParser, default: str | None = argparse.SUPPRESS
) -> None:
    """Declare the flag that names a number of control-plane nodes beyond the documented three."""
    parser.add_argument(
        "--allow-node-count",
        metavar="N",
        type=int,
        default=default,
        help="restore a cluster of N control-plane nodes, where the platform's support has agreed; "
        "its documentation covers three. N has to be the number that the inventory has",
    )
