"""Keeps secrets out of what is written down: the last guard behind scripts that print none.

A node's output is outside text. Whatever a broken script or a tool's error message carries, a key
or a signed address must reach neither a log nor the report that is handed around.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "[hidden]"

_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY-----")
_KEY_BODY = re.compile(r"[\s|A-Za-z0-9+/=:,.\-]*")
_SECRET = re.compile(
    # A presigned address: what is signed is enough to fetch the object.
    r"(?P<signed>(?:X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId)=)"
    r"[^\s&\"'<>]+"
    r"|(?P<bearer>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=\-]{8,}"
    # name=value, name: value, "name": "value", --name value; whatever stands before the name.
    r"|(?P<named>(?:certificate[-_]key|client-key-data|secret[-_]?(?:access[-_]?)?key"
    r"|access[-_]key(?:[-_]?id)?|session[-_]?token|password|passwd|token)[\"']?\s*[:=]\s*[\"']?)"
    r"(?!etcd-rescue-)[^\s\"',&<>]{6,}"
    r"|(?P<flag>--(?:certificate-key|token|password|secret-key|access-key)\s+)"
    r"(?!etcd-rescue-)[^\s\"']{6,}"
    # Access keys and service-account tokens are told by their form alone.
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\beyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """A text of any number of lines, with what looks like a secret replaced."""
    return "\n".join(Redactor().lines(text.split("\n")))


class Redactor:
    """Goes through one node's output; a private key may come in several parts."""

    def __init__(self) -> None:
        self._inside_key = False

    def lines(self, lines: Iterable[str]) -> list[str]:
        """The lines, as many as were given."""
        return [self._line(line) for line in lines]

    def _line(self, line: str) -> str:
        if self._inside_key:
            ended = _END.search(line)
            if ended or not _KEY_BODY.fullmatch(line):
                # What is no part of a key ends it too, so that nothing else is swallowed.
                self._inside_key = False
            if ended:
                return HIDDEN + self._line(line[ended.end() :])
            if self._inside_key:
                return HIDDEN
        begun = _BEGIN.search(line)
        if begun:
            rest = line[begun.end() :]
            ended = _END.search(rest)
            self._inside_key = ended is None
            after = self._line(rest[ended.end() :]) if ended else ""
            return f"{_hide(line[: begun.start()])}{HIDDEN}{after}"
        return _hide(line)


def _hide(line: str) -> str:
    return _SECRET.sub(_kept, line)


def _kept(match: re.Match[str]) -> str:
    """What says which secret it was stays."""
    name = next((group for group in match.groups() if group), "")
    return f"{name}{HIDDEN}"
