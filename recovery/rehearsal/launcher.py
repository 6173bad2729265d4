"""Starts a rehearsal cluster in a process of its own, and ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recovery.errors import RehearsalError
from recovery.rehearsal.breaking import Breakage
from recovery.rehearsal.node.processes import kill_marked
from recovery.rehearsal.supervisor import PID_FILE

START_SECONDS = 90.0
STOP_SECONDS = 20.0
LOG_FILE = "supervisor.log"
_PREFIX = "etcd-rescue-demo-"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A rehearsal cluster that runs."""

    directory: Path
    inventory_path: Path
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds that each phase of the start took."""


@asynccontextmanager
async def launched_rehearsal(
    directory: Path | None = None,
    *,
    broken: Breakage = Breakage.QUORUM_LOST,
    etcd_dir: Path | None = None,
    on_phase: Callable[[str], None] | None = None,
) -> AsyncIterator[Rehearsal]:
    """Start a rehearsal cluster; everything of it is gone at the end.

    Without a directory a temporary one is used; one that is given must be empty or absent.
    Raises RehearsalError in the supervisor's own words where it cannot be made.
    """
    clean_up_after_the_dead()
    place = _place(directory)
    log = os.open(place / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "recovery.rehearsal.supervisor",
        "--dir",
        str(place),
        "--broken",
        broken.value,
        *(("--etcd-dir", str(etcd_dir)) if etcd_dir else ()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    os.close(log)
    try:
        yield await _ready(process, place, on_phase)
    finally:
        await _end(process)
        if process.returncode != 0:
            kill_marked(place)
        shutil.rmtree(place, ignore_errors=True)


def clean_up_after_the_dead() -> None:
    """Remove what a rehearsal left behind whose supervisor was killed."""
    for place in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            pid = int((place / PID_FILE).read_text())
            dead = place.stat().st_uid == os.getuid() and not Path(f"/proc/{pid}").exists()
        except (OSError, ValueError):
            continue
        if dead:
            kill_marked(place)
            shutil.rmtree(place, ignore_errors=True)


def _place(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix=_PREFIX))
    place = directory.expanduser().absolute()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise RehearsalError(
            "this directory is not empty",
            where=str(place),
            remedy="name one that is empty or does not exist; it is removed at the end",
        )
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return place


async def _ready(
    process: asyncio.subprocess.Process, place: Path, on_phase: Callable[[str], None] | None
) -> Rehearsal:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            async for line in process.stdout:
                said = json.loads(line)
                if "phase" in said and on_phase is not None:
                    on_phase(said["phase"])
                if "error" in said:
                    raise RehearsalError(
                        said["error"],
                        where=said.get("where", ""),
                        remedy=said.get("remedy", ""),
                        detail=said.get("detail", ""),
                    )
                if "ready" in said:
                    return Rehearsal(place, Path(said["ready"]), said["timings"])
    except TimeoutError as error:
        raise RehearsalError(
            f"the rehearsal cluster was not up after {START_SECONDS:.0f} s",
            where=str(place),
            remedy="try again on a machine with less to do",
        ) from error
    raise RehearsalError(
        "the rehearsal cluster ended while it was being made",
        where=str(place),
        remedy="try again; the detail is what it said last",
        detail=await asyncio.to_thread(_last_words, place),
    )


def _last_words(place: Path) -> str:
    try:
        return (place / LOG_FILE).read_text(errors="replace")[-4000:]
    except OSError:
        return ""


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close its standard input, which asks it to end; kill it where it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
