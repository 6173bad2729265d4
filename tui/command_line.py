"""The command line: `etcd-rescue` alone opens the interface; every act has a command as well."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib import import_module

from recovery.errors import RefusedError, RescueError, UsageError
from tui.commands.common_arguments import add_allow_node_count, add_common
from tui.parsing import Parser
from tui.streams import keep_to_ascii, prepare_streams

EXIT_GOOD = 0
EXIT_BAD = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_INTERRUPTED = 4

COMMANDS = {
    "demo": "a broken cluster on this machine, to try everything on",
    "discover": "print an inventory, read from one control-plane node",
    "snapshots": "the backups that exist, and where",
    "inspect": "what is in a snapshot",
    "verify": "whether snapshots can be trusted",
    "diff": "what changed between two snapshots",
    "rehearse": "prove that a snapshot comes back, on this machine",
    "check": "what is wrong, and what to do; changes nothing",
    "plan": "what a restore would do; touches nothing",
    "restore": "restore the cluster from a snapshot",
    "health": "prove that the cluster is healthy",
    "backup": "the backup configuration: look, change, set S3 up, back up",
    "runs": "earlier and interrupted runs: look, resume, roll back, clean up",
    "completion": "print what makes a shell complete commands, names and ids",
    "help": "what to do in an incident, or one command explained",
}
"""Every command with its purpose. A command's module is imported only when it is named: together
they take longer than the first paint."""

_WITHOUT_INVENTORY = frozenset({"demo", "discover", "completion", "help"})

_DESCRIPTION = """\
Bring a Kubernetes cluster back after it lost its etcd.

Without a command, the interface opens. Every act of the interface has a command too."""

_EPILOGUE = """\
In an incident:
  etcd-rescue                             the interface, on the inventory found
  etcd-rescue check                       what is wrong; changes nothing
  etcd-rescue snapshots                   which backups exist, and where
  etcd-rescue verify latest               the newest that can be trusted
  etcd-rescue plan latest                 what a restore would do
  etcd-rescue restore latest --confirm X  does it, on the cluster named X

To try it without a cluster:
  etcd-rescue demo                        a broken cluster on this machine

`etcd-rescue help` leads through an incident; COMMAND --help explains a command.

Exit status: 0 good, 1 the answer is bad, 2 wrong use, 3 refused, 4 interrupted."""


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, **rest: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=rest.get("help"))

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it, and leave."""
        from importlib.metadata import version

        sys.stdout.write(f"etcd-rescue {version('etcd-rescue')}\n")
        parser.exit(EXIT_GOOD)


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point. Returns the exit status of the contract."""
    if "_ARGCOMPLETE" in os.environ:
        from tui.completion import complete

        complete()
    prepare_streams()
    events: str | None = None
    try:
        words = sys.argv[1:] if argv is None else argv
        arguments = build_parser(words).parse_args(words)
        events = getattr(arguments, "events", None)
        status = _obey(arguments)
        sys.stdout.flush()
        return status
    except RescueError as error:
        tell(error, as_json=events == "json")
        return exit_status(error)
    except KeyboardInterrupt:
        _tell_interrupted(as_json=events == "json")
        return EXIT_INTERRUPTED
    except Exception:  # noqa: BLE001 - a fault of this program: a person gets a sentence of it
        from tui.unforeseen import tell_unforeseen

        tell_unforeseen()
        return EXIT_BAD


def _obey(arguments: argparse.Namespace) -> int:
    """Run the command. A command that was cancelled was interrupted."""
    import asyncio

    if arguments.ascii:
        keep_to_ascii()
    run: Callable[[argparse.Namespace], Awaitable[int]] = getattr(arguments, "run", _open_interface)
    try:
        return asyncio.run(run(arguments))  # type: ignore[arg-type]
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def build_parser(words: Iterable[str] = COMMANDS) -> Parser:
    """The parser; of the commands only those among `words` have their arguments.

    `--inventory` and `--cluster` stand before or after a command.
    """
    parser = Parser(prog="etcd-rescue", description=_DESCRIPTION, epilog=_EPILOGUE)
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    add_common(parser, default=None, full=True)
    parser.add_argument("--ascii", action="store_true", help="no glyphs beyond ASCII")
    add_allow_node_count(parser, default=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    named = set(words)
    for name, purpose in COMMANDS.items():
        if name not in named:
            commands.add_parser(name, help=purpose)
            continue
        from tui.examples import epilogue

        module = import_module(f"tui.commands.{name}")
        command: argparse.ArgumentParser = module.add(commands)
        command.epilog = command.epilog or epilogue(name)
        command.set_defaults(called=command.prog)
        add_common(command, default=argparse.SUPPRESS, shown=name not in _WITHOUT_INVENTORY)
    return parser


def exit_status(error: RescueError) -> int:
    """The exit status that the contract gives to an error."""
    if isinstance(error, UsageError):
        return EXIT_USAGE
    if isinstance(error, RefusedError):
        return EXIT_REFUSED
    return EXIT_BAD


def tell(error: RescueError, *, as_json: bool) -> None:
    """Say on stderr what happened, where, and what to do next."""
    if as_json:
        from tui.commands.run_events import tell_json

        tell_json("error", what=error.what, where=error.where, remedy=error.remedy)
    else:
        complain(error)


def _tell_interrupted(*, as_json: bool) -> None:
    if as_json:
        from tui.commands.run_events import tell_json

        tell_json("interrupted")
    else:
        sys.stderr.write("etcd-rescue: interrupted\n")


def complain(error: RescueError) -> None:
    """The same, for a person."""
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
