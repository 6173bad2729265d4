"""The API server's encryption configuration, as far as it may be known here.

Its content is secret and stays on the node. What leaves it: whether the file is there, a hash to
compare nodes by, and the names of keys and providers, which stand in front of every encrypted
value in etcd anyway (`k8s:enc:PROVIDER:v1:NAME:`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ENCRYPTION_SH = r"""
# The names of keys, never a secret: those of `name:` fields only.
encryption() {
  [ -n "$1" ] || return 0
  [ -f "$1" ] || { echo absent; return 0; }
  [ -r "$1" ] || { echo unreadable; return 0; }
  printf 'sha256=%s\n' "$(sha256sum < "$1" | cut -d ' ' -f 1)"
  grep -oE "[\"']?name[\"']?[[:space:]]*:[[:space:]]*[\"']?[A-Za-z0-9._-]{1,64}" "$1" |
    sed 's/^.*[^A-Za-z0-9._-]/name=/' || true
}
"""

_NAME = re.compile(r"name=([A-Za-z0-9._-]{1,64})")
_SHA256 = re.compile(r"sha256=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class EncryptionFacts:
    """What one node's API server encrypts with."""

    api_server_known: bool
    """Whether kube-apiserver.yaml could be read; the rest says nothing otherwise."""
    path: str | None = None
    """--encryption-provider-config; None where it encrypts nothing."""
    present: bool = False
    readable: bool = False
    sha256: str = ""
    key_names: frozenset[str] = frozenset()


def read_encryption(text: str, path: str | None, *, api_server_known: bool) -> EncryptionFacts:
    """What the shell function `encryption` printed about that file."""
    lines = text.split()
    digest = next((found[1] for line in lines if (found := _SHA256.fullmatch(line))), "")
    return EncryptionFacts(
        api_server_known=api_server_known,
        path=path,
        present=path is not None and "absent" not in lines,
        readable=bool(digest),
        sha256=digest,
        key_names=frozenset(found[1] for line in lines if (found := _NAME.fullmatch(line))),
    )
