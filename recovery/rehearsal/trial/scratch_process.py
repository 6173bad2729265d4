"""The processes of a trial: they see none of our environment, and do not outlive us."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from recovery.backups.outside_text import one_line
from recovery.rehearsal.node.processes import MARKER

LAST_LINES = 8
_TAIL = 64 << 10
_LONGEST = 400
_GRAVE = ("fatal", "panic", "dpanic", "error")

# Runs between fork and exec, as a program of its own: this process has threads, and code that
# runs in a forked copy of it could wait forever for a lock that one of them held.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
parent, command = int(sys.argv[1]), sys.argv[2:]
prctl = getattr(ctypes.CDLL(None), "prctl", None)
if prctl:
    prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() != parent:
    sys.exit(1)
os.execv(command[0], command)
"""


async def start(command: Sequence[str], directory: Path, log: Path) -> Process:
    """Start a program in the trial's directory, in a session of its own; output goes to the log.

    It ends with this process's thread, whatever ends that.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    shim = (sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()))
    try:
        return await asyncio.create_subprocess_exec(
            *shim,
            *command,
            stdin=DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=directory,
            env=_environment(directory),
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


async def end(processes: Sequence[Process]) -> None:
    """SIGKILL them all, and wait until they are gone."""
    for process in processes:
        if process.returncode is None:
            process.kill()
    for process in processes:
        await process.wait()


def last_words(log: Path) -> str:
    """The last lines of a log, made plain; etcd's JSON lines as level, message and error."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            text = file.read().decode("utf-8", "backslashreplace")
    except OSError:
        return ""
    lines = [one_line(_in_words(line), _LONGEST) for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-LAST_LINES:])


def gravest_word(words: str) -> str:
    """The line that says why, of the last lines of a log: the last fatal one, or the last."""
    lines = words.splitlines()
    grave = [line for line in lines if line.partition(":")[0].lower() in _GRAVE]
    return (grave or lines or [""])[-1]


def _in_words(line: str) -> str:
    try:
        told = json.loads(line)
    except ValueError:
        return line
    if not isinstance(told, dict) or "msg" not in told:
        return line
    error = f": {told['error']}" if told.get("error") else ""
    return f"{told.get('level', '')}: {told['msg']}{error}"


def _environment(directory: Path) -> Mapping[str, str]:
    """Not ours: an ETCD_ variable of the user would change what is tried."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(directory),
        "ETCDCTL_API": "3",
        MARKER: str(directory),
    }
