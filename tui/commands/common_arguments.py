"""The arguments that stand before or after every command's name."""

from __future__ import annotations

import argparse
import math

REFERENCE = (
    "a snapshot's name or its beginning; `latest`, the newest that verifies; or a place: "
    "node:/path, s3://bucket/key, ./file"
)
"""What REF may be."""


def add_common(
    parser: argparse.ArgumentParser,
    default: str | None,
    *,
    full: bool = False,
    shown: bool = True,
) -> None:
    """Declare them; `default` is argparse.SUPPRESS where the ones before must not be undone.

    `full`: say everything about them, as the overview does. `shown`: name them in the help; a
    command that uses no inventory takes them in silence, as one variable may hold them for all.
    """
    places = (
        " (otherwise: $ETCD_RESCUE_INVENTORY, ./etcd-rescue.yaml, "
        "~/.config/etcd-rescue/inventory.yaml, /etc/etcd-rescue/inventory.yaml)"
    )
    parser.add_argument(
        "--inventory",
        metavar="FILE",
        default=default,
        help=f"the cluster file{places if full else ', if not the usual one'}"
        if shown
        else argparse.SUPPRESS,
    )
    parser.add_argument(
        "--cluster",
        metavar="NAME",
        default=default,
        help="which cluster of the inventory" if shown else argparse.SUPPRESS,
    )


def seconds(text: str) -> float:
    """An argument that is a number of seconds, zero or more."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, 0 or more")
    return number


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
