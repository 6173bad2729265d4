"""Which host keys are trusted: known_hosts files, matched as OpenSSH matches them, and strictly."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from recovery.errors import HostKeyError, UnknownHostKeyError

GLOBAL_FILES = (Path("/etc/ssh/ssh_known_hosts"), Path("/etc/ssh/ssh_known_hosts2"))

_Keys = Sequence[asyncssh.SSHKey]
Trusted = tuple[_Keys, _Keys, _Keys, tuple[()], tuple[()], tuple[()], tuple[()]]
"""Host keys, keys of certificate authorities, revoked keys; X.509 is not used."""


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """The key that a host showed and that is not trusted."""

    host: str
    port: int
    key: asyncssh.SSHKey

    @property
    def pattern(self) -> str:
        """The host as a known_hosts file names it."""
        return host_pattern(self.host, self.port)

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`, as ssh-keygen -l prints it."""
        return self.key.get_fingerprint("sha256")

    @property
    def line(self) -> str:
        """The known_hosts line that trusts this key."""
        public = self.key.export_public_key("openssh").decode().split()
        return f"{self.pattern} {public[0]} {public[1]}"


def host_pattern(host: str, port: int | None) -> str:
    """`host`, or `[host]:port` where the port is not 22."""
    return host if port in (None, 22) else f"[{host}]:{port}"


class KnownHosts:
    """The known_hosts files of one connection. asyncssh calls it to learn what is trusted."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)
        self.untrusted: PresentedKey | None = None
        """The key that the last host showed, where it was refused."""

    def __call__(self, host: str, addr: str, port: int | None) -> Trusted:
        """What is trusted for this host name; its address is not asked for, as in OpenSSH."""
        keys, authorities, revoked = self._match(host.lower(), port)
        return keys, authorities, revoked, (), (), (), ()

    def refuse(self, host: str, port: int, key: asyncssh.SSHKey) -> None:
        """Remember the key that was not trusted, for the error."""
        self.untrusted = PresentedKey(host.lower(), port, key)

    def places_of(self, host: str, port: int | None) -> list[str]:
        """`file:line` of every entry for exactly this host and port."""
        places = []
        for path in self.files:
            for number, line in enumerate(_lines(path), start=1):
                entry = _entry(line)
                if entry is None:
                    continue
                keys, authorities, _ = _matching(entry, host.lower(), port, exactly=True)
                if keys or authorities:
                    places.append(f"{path}:{number}")
        return places

    def error(self, node: str, hop: str, reason: str) -> HostKeyError:
        """The refusal in words: unknown (with the line that would accept it), or changed."""
        shown = self.untrusted
        if shown is None or "revoked" in reason:
            return HostKeyError(
                f"the host key{hop} is refused: {reason}",
                where=node,
                remedy="find out who answers at this address before anything else",
            )
        about = f"{shown.fingerprint} ({shown.key.get_algorithm()})"
        places = self.places_of(shown.host, None if shown.port == 22 else shown.port)
        if places:
            return changed_key(node, hop, shown.pattern, places, f"it now shows {about}")
        file = self.files[0] if self.files else Path("~/.ssh/known_hosts").expanduser()
        error = UnknownHostKeyError(
            f"the host key{hop} is not known: {shown.pattern} shows {about}",
            where=node,
            remedy=(
                f"compare that fingerprint with the node's own (ssh-keygen -lf on its console); "
                f"if it is the same: echo {shlex.quote(shown.line)} >> {shlex.quote(str(file))}"
            ),
            detail=(
                f"{shown.line}\n"
                f"looked in: {', '.join(str(path) for path in self.files) or 'no file'}\n"
                f"ssh-keyscan{'' if shown.port == 22 else f' -p {shown.port}'} "
                f"{shlex.quote(shown.host)} prints the same line; it proves nothing by itself"
            ),
        )
        error.host, error.fingerprint = shown.pattern, about
        error.line, error.file = shown.line, file
        return error

    def _match(self, host: str, port: int | None) -> tuple[_Keys, _Keys, _Keys]:
        keys: list[asyncssh.SSHKey] = []
        authorities: list[asyncssh.SSHKey] = []
        revoked: list[asyncssh.SSHKey] = []
        for path in self.files:
            found = _matching(_load(path), host, port)
            keys += found[0]
            authorities += found[1]
            revoked += found[2]
        return keys, authorities, revoked


def changed_key(node: str, hop: str, pattern: str, places: Sequence[str], now: str) -> HostKeyError:
    """The refusal of a host whose key is not the one that is known."""
    return HostKeyError(
        f"the host key{hop} has CHANGED: {pattern} is known by another key, {now}",
        where=node,
        remedy=(
            "someone may be answering in this host's place: do not go on until it is known why "
            "(was the machine installed anew?); the old key stands in " + ", ".join(places)
        ),
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


def _load(path: Path) -> asyncssh.SSHKnownHosts:
    lines = _lines(path)
    try:
        return asyncssh.import_known_hosts("\n".join(lines))
    except ValueError:
        # One broken line must not hide the others; OpenSSH skips it, too.
        return asyncssh.import_known_hosts(
            "\n".join(line for line in lines if _entry(line) is not None)
        )


def _entry(line: str) -> asyncssh.SSHKnownHosts | None:
    try:
        return asyncssh.import_known_hosts(line)
    except ValueError:
        return None


def _matching(
    entries: asyncssh.SSHKnownHosts, host: str, port: int | None, *, exactly: bool = False
) -> tuple[_Keys, _Keys, _Keys]:
    # An entry without a port serves for every port, as in OpenSSH, unless there is one with it.
    if exactly:
        pattern = host_pattern(host, port)
        found = entries.match(pattern if port else host, "", None)
    else:
        found = entries.match(host, "", port)
    return found[0], found[1], found[2]
