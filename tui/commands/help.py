"""`help`: what to do in an incident, step by step; or one command explained."""

from __future__ import annotations

import argparse

_OVERVIEW = """\
A cluster has lost its etcd. What now?

 1. Look. Nothing here changes anything.
      etcd-rescue                     the interface: all of this, by keyboard
      etcd-rescue discover root@HOST  an inventory, if there is none yet
      etcd-rescue health              who still answers, and what
      etcd-rescue check               what is wrong; can a restore go well?

    If a majority of members still runs, do not restore: bring the others back.

 2. Choose a snapshot that can be trusted.
      etcd-rescue snapshots           which there are, and where
      etcd-rescue verify latest       the newest that is sound
      etcd-rescue inspect latest      what is in it
      etcd-rescue rehearse latest     restores it into a scratch cluster here

 3. See what a restore would do, command by command. Still nothing is changed.
      etcd-rescue plan latest         a runbook; works without this program too

 4. Restore. The old data is set aside, never deleted.
      etcd-rescue restore latest --confirm CLUSTER

    If it is interrupted, at whatever point:
      etcd-rescue runs show           how far it came
      etcd-rescue runs resume --confirm CLUSTER      goes on
      etcd-rescue runs rollback --confirm CLUSTER    leads back to the old data

 5. Prove it.
      etcd-rescue health --wait 300   all members agree, and the API serves them
      etcd-rescue runs report         what was done, for those who ask

`etcd-rescue help COMMAND` explains a command. To practise: etcd-rescue demo

Exit status of every command: 0 good · 1 the answer is bad · 2 wrong use ·
3 refused: preflight failed, or consent is missing · 4 interrupted: `runs
resume` goes on."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "help",
        help="what to do in an incident, or one command explained",
        description="Without a command: what to do in an incident, step by step.",
    )
    parser.add_argument("command", metavar="COMMAND", nargs="*", help="explain this one")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print the overview, or a command's own help."""
    from tui.command_line import build_parser

    if not arguments.command:
        print(_OVERVIEW)
        return 0
    build_parser(arguments.command).parse_args([*arguments.command, "--help"])
    return 0
