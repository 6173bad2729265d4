"""`--help` of every command teaches: purpose, arguments, exit status. And what shells complete."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster_fixtures import CHECKOUT, clean_environment
from tui.command_line import COMMANDS, build_parser, main


def subparsers(parser: argparse.ArgumentParser) -> argparse._SubParsersAction:  # type: ignore[type-arg]
    """The action that holds the commands."""
    return next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))


def test_every_command_says_the_same_of_itself_as_the_overview() -> None:
    listed = subparsers(build_parser())
    said = {choice.dest: choice.help for choice in listed._choices_actions}
    assert said == COMMANDS


BACKUP = [f"backup {name}" for name in ("show", "set", "now", "run", "unit")]


@pytest.mark.parametrize("name", ["", *COMMANDS, *BACKUP])
def test_help_fits_a_terminal_of_80_columns(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([*name.split(), "--help"])
    assert not [line for line in capsys.readouterr().out.splitlines() if len(line) > 80]


@pytest.mark.parametrize("name", BACKUP)
def test_help_explains_what_stands_under_a_command(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["help", *name.split()])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert f"usage: etcd-rescue {name}" in said
    assert "xit status" in said


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_inventory_is_an_option_only_of_commands_that_use_one(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    uses = name not in ("demo", "discover", "completion", "help")
    assert ("--inventory FILE" in capsys.readouterr().out) is uses


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself_and_its_exit_status(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert "usage: etcd-rescue" in said
    assert "xit status" in said
    assert name in ("help", "completion") or "example" in said


def test_help_without_a_command_leads_through_an_incident(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["help"]) == 0
    said = capsys.readouterr().out
    assert said.index("snapshots") < said.index("rehearse") < said.index("restore latest")
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_ARGCOMPLETE" in capsys.readouterr().out


def completed(line: str, home: Path) -> set[str]:
    """What bash would be offered at the end of this line (argcomplete's protocol)."""
    answers = home / "answers"
    answers.touch()
    with answers.open("w") as file:
        subprocess.run(
            [sys.executable, "-m", "tui.command_line"],
            env={
                **clean_environment(),
                "HOME": str(home),
                "_ARGCOMPLETE": "1",
                "_ARGCOMPLETE_IFS": "\n",
                "COMP_LINE": line,
                "COMP_POINT": str(len(line)),
                "COMP_TYPE": "9",
                "_ARGCOMPLETE_STDOUT_FILENAME": str(answers),
            },
            cwd=CHECKOUT,
            pass_fds=(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file if "_ARC_DEBUG" in os.environ else subprocess.DEVNULL,
            timeout=60,
        )
    return {word.strip() for word in answers.read_text().split("\n") if word.strip()}


def test_commands_are_completed(tmp_path: Path) -> None:
    assert completed("etcd-rescue re", tmp_path) == {"rehearse", "restore"}


def test_clusters_of_the_inventory_are_completed(tmp_path: Path) -> None:
    inventory = tmp_path / ".config/etcd-rescue/inventory.yaml"
    inventory.parent.mkdir(parents=True)
    inventory.write_text("clusters: [{name: prod-a, controlPlane: [{name: etcd-1}]}]\n")
    assert completed("etcd-rescue restore latest --confirm ", tmp_path) == {"prod-a"}


def test_snapshots_that_were_verified_here_are_completed(tmp_path: Path) -> None:
    verdicts = tmp_path / ".cache/etcd-rescue/verdicts"
    verdicts.mkdir(parents=True)
    (verdicts / "one.json").write_text('{"name": "snapshot-etcd-2026.tar"}')
    (verdicts / "bad.json").write_text("{")
    assert "snapshot-etcd-2026.tar" in completed("etcd-rescue inspect snap", tmp_path)
    assert "latest" in completed("etcd-rescue inspect l", tmp_path)
