"""Accepts a host key that a person has compared: the line goes where ssh would put it."""

from __future__ import annotations

import os

from recovery.errors import RescueError, UnknownHostKeyError


def accept_host_key(unknown: UnknownHostKeyError) -> None:
    """Add the key to the known_hosts file, which is made (0600, its directory 0700) if need be.

    Only what was unknown can be accepted: a changed key is another error. Raises RescueError where
    the file cannot be written.
    """
    path = unknown.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "rb+") as file:
            before = file.read()
            # A last line without its end would swallow this one.
            begin = b"" if not before or before.endswith(b"\n") else b"\n"
            file.write(begin + unknown.line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RescueError(
            f"the key cannot be added to known_hosts: {error.strerror}",
            where=str(path),
            remedy="add the line yourself, where ssh finds it",
            detail=unknown.line,
        ) from error
