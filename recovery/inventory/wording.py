"""What a value of an inventory must look like; each function says what is wrong, or None."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

Judge = Callable[[str], str | None]

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_NODE_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_CLUSTER_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9._]*[A-Za-z0-9])?")
_ADDRESS = re.compile(r"[A-Za-z0-9_:.%-]+")
_HOP = re.compile(r"(?:[^@\s,]+@)?(?:\[[0-9A-Fa-f:.%a-z]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?")
_USER = re.compile(r"[^\s@:/\\\x00-\x1f\x7f-\x9f-][^\s:/\x00-\x1f\x7f-\x9f]*")


def node_name(text: str) -> str | None:
    """A Kubernetes node name: RFC 1123, lower case."""
    if len(text) <= 253 and _NODE_NAME.fullmatch(text):
        return None
    return f"{text!r} is no node name: small letters, digits, '-' and '.' (RFC 1123)"


def cluster_name(text: str) -> str | None:
    """A name that is also safe as a directory's."""
    if len(text) <= 63 and _CLUSTER_NAME.fullmatch(text):
        return None
    return f"{text!r} is no name for a cluster: up to 63 letters, digits, '-', '.' and '_'"


def host(text: str) -> str | None:
    """A host name, an address, or an alias of ssh_config."""
    if _ADDRESS.fullmatch(text) and not text.startswith("-"):
        return None
    return f"{text!r} is no host name or address; user and port have fields of their own"


def user(text: str) -> str | None:
    """A login name."""
    return None if _USER.fullmatch(text) else f"{text!r} is no user name"


def proxy_jump(text: str) -> str | None:
    """One jump host, or several with commas between them."""
    for hop in text.split(","):
        if not _HOP.fullmatch(hop.strip()):
            return f"{hop.strip()!r} is no jump host: USER@HOST:PORT"
    return None


def node_path(text: str) -> str | None:
    """An absolute path on a node, not the root directory."""
    if not text.startswith("/"):
        return f"{text!r} is no absolute path"
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        return "holds a control character"
    if ".." in text.split("/") or posixpath.normpath(text) in ("/", "//"):
        return f"{text!r} must name one directory, without '..'"
    return None
