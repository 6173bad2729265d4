"""The command line: `etcd-rescue` alone opens the interface; every act has a command as well."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from importlib.metadata import version

from recovery.errors import RefusedError, RescueError, UsageError
from tui.commands.common_arguments import add_common
from tui.commands.opening import add_allow_node_count

EXIT_GOOD = 0
EXIT_BAD = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_INTERRUPTED = 4

_COMMANDS = (
    "demo",
    "discover",
    "snapshots",
    "inspect",
    "verify",
    "diff",
    "rehearse",
    "plan",
    "restore",
    "health",
    "backup",
    "runs",
)

_DESCRIPTION = """\
Bring a Kubernetes cluster back after it lost its etcd.

Without a command, the interface opens. Every act of the interface has a command too."""

_EPILOGUE = """\
In an incident:
  etcd-rescue                              the interface, on the inventory that is found
  etcd-rescue snapshots                    which backups exist, and where
  etcd-rescue verify latest                whether the newest can be trusted
  etcd-rescue plan latest                  what a restore would do; touches nothing
  etcd-rescue restore latest --confirm X   does it, on the cluster named X

To try it without a cluster:
  etcd-rescue demo                         a broken cluster on this machine

Exit status: 0 good, 1 the answer is bad, 2 wrong use, 3 refused, 4 interrupted."""


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the layout of the texts above."""


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point. Returns the exit status of the contract."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], Awaitable[int]] = getattr(arguments, "run", _open_interface)
    try:
        return asyncio.run(run(arguments))  # type: ignore[arg-type]
    except RescueError as error:
        if getattr(arguments, "events", None) == "json":
            from tui.commands.run_events import tell_json

            tell_json("error", what=error.what, where=error.where, remedy=error.remedy)
        else:
            complain(error)
        return exit_status(error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.stderr.write("etcd-rescue: interrupted\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_BAD


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands. `--inventory` and `--cluster` stand before or after one."""
    parser = argparse.ArgumentParser(
        prog="etcd-rescue",
        description=_DESCRIPTION,
        epilog=_EPILOGUE,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"etcd-rescue {version('etcd-rescue')}"
    )
    add_common(parser, default=None)
    parser.add_argument("--ascii", action="store_true", help="no glyphs beyond ASCII")
    add_allow_node_count(parser, default=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in _COMMANDS:
        module = import_module(f"tui.commands.{name}")
        command: argparse.ArgumentParser = module.add(commands)
        command.formatter_class = _Formatter
        add_common(command, default=argparse.SUPPRESS)
    return parser


def exit_status(error: RescueError) -> int:
    """The exit status that the contract gives to an error."""
    if isinstance(error, UsageError):
        return EXIT_USAGE
    if isinstance(error, RefusedError):
        return EXIT_REFUSED
    return EXIT_BAD


def complain(error: RescueError) -> None:
    """Say on stderr what happened, where, and what to do next."""
    where = f"{error.where}: " if error.where else ""
    sys.stderr.write(f"etcd-rescue: {where}{error.what}\n")
    for line in error.detail.splitlines():
        sys.stderr.write(f"  | {line}\n")
    if error.remedy:
        sys.stderr.write(f"  → {error.remedy}\n")


async def _open_interface(arguments: argparse.Namespace) -> int:
    from tui.commands.interface import run

    return await run(arguments)


if __name__ == "__main__":
    sys.exit(main())
