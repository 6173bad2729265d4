"""Sockets as /proc/net/tcp writes them, so that a node without `ss` can say who listens."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

_ANY_V4 = "00000000"
_ANY_V6 = "0" * 32


def listening_patterns(urls: Iterable[str]) -> tuple[str, ...]:
    """The local addresses that would be in the way of a listener on these URLs.

    The notation is that of /proc/net/tcp and tcp6 on little-endian machines: the address in
    32-bit words, each with its bytes reversed, then `:` and the port, all in hex (Linux,
    net/ipv4/tcp_ipv4.c, `get_tcp4_sock`). A wildcard listener on the same port counts too.
    """
    patterns: dict[str, None] = {}
    for url in urls:
        parts = urlsplit(url)
        if parts.hostname is None or parts.port is None:
            continue
        port = f"{parts.port:04X}"
        for address in (*_addresses(parts.hostname), _ANY_V4, _ANY_V6):
            patterns[f"{address}:{port}"] = None
    return tuple(patterns)


def _addresses(host: str) -> tuple[str, ...]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ()
    if isinstance(address, ipaddress.IPv4Address):
        word = address.packed[::-1].hex().upper()
        return (word, f"{'0' * 16}FFFF0000{word}")
    packed = address.packed
    words = (packed[start : start + 4][::-1].hex().upper() for start in range(0, 16, 4))
    return ("".join(words),)


WHO_LISTENS = r"""
# Succeeds while something listens on one of $SOCKETS (in the notation of /proc/net/tcp).
taken() {
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v wanted="$SOCKETS" '
    BEGIN { n = split(wanted, list, " "); for (i = 1; i <= n; i++) want[list[i]] = 1 }
    $4 == "0A" && ($2 in want) { found = 1 }
    END { exit !found }'
}
"""
"""A shell function for node scripts; needs the variable SOCKETS."""
