"""`completion`: what makes a shell complete commands, names and ids."""

from __future__ import annotations

import argparse

PROGRAM = "etcd-rescue"

_EPILOGUE = """\
examples:
  # this shell only
  eval "$(etcd-rescue completion bash)"
  # bash, for good
  mkdir -p ~/.local/share/bash-completion/completions
  etcd-rescue completion bash \\
      > ~/.local/share/bash-completion/completions/etcd-rescue
  # zsh, for good; ~/.zshrc needs fpath+=(~/.zfunc) before compinit
  mkdir -p ~/.zfunc
  etcd-rescue completion zsh > ~/.zfunc/_etcd-rescue
  # fish, for good
  etcd-rescue completion fish > ~/.config/fish/completions/etcd-rescue.fish

Exit status: 0 printed, 2 wrong use."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "completion",
        help="print what makes a shell complete commands, names and ids",
        description="Print a script for the shell. Commands, options, clusters of the inventory, "
        "ids of runs and names of snapshots that were verified here are completed; nothing is "
        "asked over the network.",
        epilog=_EPILOGUE,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    from argcomplete.shell_integration import shellcode

    print(shellcode([PROGRAM], shell=arguments.shell))
    return 0
