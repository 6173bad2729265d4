"""`backup unit`: the systemd unit that runs the scheduler, with this program's own path in it."""

from __future__ import annotations

import argparse
import shutil
import sys
from importlib import resources
from pathlib import Path

_PLACEHOLDER = "/usr/local/bin/etcd-rescue"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "unit",
        help="print a systemd unit for `backup run`",
        description="Print a systemd unit that runs `backup run`, with the path of this program "
        "in it: etcd-rescue backup unit > /etc/systemd/system/etcd-rescue-backup.service",
    )
    parser.set_defaults(run=run)
    return parser


async def run(_: argparse.Namespace) -> int:
    """Print it."""
    program = _program()
    if _in_a_home(Path(program)):
        sys.stderr.write(
            f"etcd-rescue: {program} lies in a home directory, which the service's user cannot "
            "enter\n  → install it for everybody, in a checkout: PIPX_HOME=/opt/pipx "
            "PIPX_BIN_DIR=/usr/local/bin pipx install .\n"
        )
    text = (resources.files("assets") / "systemd/etcd-rescue-backup.service").read_text()
    print(text.replace(_PLACEHOLDER, program), end="")
    return 0


def _program() -> str:
    """The absolute path under which this program was started."""
    started = shutil.which(sys.argv[0]) or sys.argv[0]
    path = Path(started).absolute()
    return str(path) if path.name == "etcd-rescue" else _PLACEHOLDER


def _in_a_home(program: Path) -> bool:
    """Whether it lies, or its environment does, where only one user may look."""
    homes = (Path("/root"), Path("/home"))
    places = (program, program.resolve(), Path(sys.prefix))
    return any(place.is_relative_to(home) for place in places for home in homes)
