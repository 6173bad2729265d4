"""Builds the scripts of a plan: POSIX sh that a person can read, run by hand, and trust."""

from __future__ import annotations

import shlex
import textwrap

_HEADER = "set -eu\n"
_RUN = 'run() { printf \'$ %s\\n\' "$*"; "$@"; }\n'
RUNTIME_ENDPOINT = """
if [ ! -e /etc/crictl.yaml ] && [ -S /run/containerd/containerd.sock ]; then
  export CONTAINER_RUNTIME_ENDPOINT=unix:///run/containerd/containerd.sock
fi
"""
"""Without its configuration crictl guesses, and warns."""
_STOP = "stop() { printf '%s\\n' \"$*\" >&2; exit 1; }\n"
_ON_DISK = 'on_disk() { sync "$@" 2> /dev/null || sync -f "$1" 2> /dev/null || sync; }\n'


def node_script(body: str, **values: str) -> str:
    """A complete script: strict mode, the values as quoted variables, then the body.

    `run` prints a command before it runs it; `stop` says why and ends with status 1; `on_disk`
    returns when these files and directories are on disk, without waiting for any others: a whole
    filesystem may have much to write, and another one may hang. Each is defined only where the
    body uses it.
    """
    text = textwrap.dedent(body).strip("\n") + "\n"
    script = _HEADER
    for name, value in values.items():
        script += f"{name.upper()}={shlex.quote(value)}\n"
    if _uses(text, "run"):
        script += _RUN
    if _uses(text, "stop"):
        script += _STOP
    if _uses(text, "on_disk"):
        script += _ON_DISK
    return f"{script}\n{text}"


def _uses(text: str, word: str) -> bool:
    return any(
        word in line.replace(";", " ").replace("{", " ").split() for line in text.split("\n")
    )
