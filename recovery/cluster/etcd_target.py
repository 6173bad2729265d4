"""Where and how to reach a member: an address on its node, a name to expect, certificates."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from recovery.cluster.facts import EtcdManifest
from recovery.errors import ManifestError


@dataclass(frozen=True, slots=True)
class Target:
    """An address to connect to, and the name or address that the certificate must carry."""

    host: str
    port: int
    tls_name: str
    """Empty for a member that speaks plain HTTP."""
    socket: str = ""
    """The path of a Unix socket, for a member on this machine that is on no network."""

    @property
    def parts(self) -> tuple[str, int | str]:
        """What stands before and behind the colon of its address, as gRPC writes it."""
        return ("unix", self.socket) if self.socket else (self.host, self.port)


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM texts, in memory only."""

    authority: bytes
    certificate: bytes
    key: bytes = field(repr=False)


def client_target(manifest: EtcdManifest) -> Target:
    """The client address of a member as seen from its own node, loopback first.

    Raises ManifestError where --listen-client-urls holds no usable URL.
    """
    urls = [url for url in map(_split, manifest.listen_client_urls) if url is not None]
    if not urls:
        raise ManifestError(
            "--listen-client-urls holds no URL with host and port",
            where=manifest.path,
            remedy="correct it; kubeadm writes https://127.0.0.1:2379,https://<node>:2379",
        )
    url = min(urls, key=_preference)
    host, port = url.hostname or "", url.port or 2379
    name = host
    if _is_wildcard(host):
        host = "::1" if ":" in host else "127.0.0.1"
        advertised = [split for split in map(_split, manifest.advertise_client_urls) if split]
        name = (advertised[0].hostname if advertised else None) or host
    return Target(host, port, name if url.scheme == "https" else "")


async def accepts_connections(target: Target, seconds: float = 0.5) -> bool:
    """Whether something behind the address takes a connection and keeps it.

    A tunnel takes every connection and drops it at once where nothing listens at its far end; a
    TLS server waits for the client to speak first.
    """
    writer = None
    try:
        async with asyncio.timeout(seconds):
            if target.socket:
                reader, writer = await asyncio.open_unix_connection(target.socket)
            else:
                reader, writer = await asyncio.open_connection(target.host, target.port)
            await reader.read(1)
    except TimeoutError:
        return writer is not None
    except OSError:
        return False
    finally:
        if writer is not None:
            writer.close()
    return False


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port is not None
    except ValueError:
        return None
    return parts if usable else None


def _preference(url: SplitResult) -> int:
    host = url.hostname or ""
    if host == "localhost":
        return 0
    if _is_wildcard(host):
        return 2
    try:
        return 0 if ipaddress.ip_address(host).is_loopback else 1
    except ValueError:
        return 1


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
