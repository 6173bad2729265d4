"""Whoever listens to a command, and leaves, and whatever can go wrong at its ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster_fixtures import CHECKOUT, clean_environment
from tui import command_line

_CALL = [sys.executable, "-m", "tui.command_line"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an inventory of nodes that nobody can reach."""
    inventory = tmp_path / ".config/etcd-rescue/inventory.yaml"
    inventory.parent.mkdir(parents=True)
    inventory.write_text("clusters: [{name: prod-a, controlPlane: [{name: etcd-1}]}]\n")
    return tmp_path


def called(
    words: str, home: Path, redirection: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """A command as a shell runs it, with its redirection."""
    line = f'set -o pipefail; "$@" {redirection}'
    return subprocess.run(
        ["bash", "-c", line, "bash", *_CALL, *words.split()],
        env={**clean_environment(), "HOME": str(home), **environment},
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("words", ["--help", "help", "runs", "completion bash"])
def test_a_listener_who_leaves_is_no_failure(words: str, home: Path) -> None:
    ran = called(words, home, "| head -n 1")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_answer_stays_bad_when_nobody_listens_to_it(home: Path) -> None:
    """`true` closes the pipe before anything is said."""
    ran = called("runs show nothing", home, "2>&1 | true")
    assert ran.returncode == 2


@pytest.mark.parametrize("words", ["--help", "help", "runs", "completion bash"])
def test_a_full_disk_under_a_redirection_is_told(words: str, home: Path) -> None:
    ran = called(words, home, "> /dev/full")
    assert ran.returncode == 1
    assert "standard output: what was to be printed could not be written: No space" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "Exception" not in ran.stderr


def test_closed_streams_change_no_exit_status(home: Path) -> None:
    for redirection in ("2>&-", ">&-", "<&-", ">&- 2>&- <&-"):
        assert called("runs show nothing", home, redirection).returncode == 2
        assert called("runs list", home, redirection).returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_the_glyphs_gets_others(encoding: str, home: Path) -> None:
    ran = called("runs show nothing", home, PYTHONIOENCODING=encoding)
    assert ran.returncode == 2
    assert "  > " in ran.stderr


def test_ascii_holds_for_commands_too(home: Path) -> None:
    assert called("--ascii runs show nothing", home).stderr.isascii()


@pytest.mark.parametrize("words", ["", "demo"])
@pytest.mark.parametrize("stream", ["standard input", "standard error"])
def test_the_interface_needs_a_terminal(words: str, stream: str, home: Path) -> None:
    """script(1) gives a command a terminal; what is redirected in it is none."""
    redirection = "< /dev/null" if stream == "standard input" else "2> error"
    line = f"{' '.join(_CALL)} {words} {redirection}; echo left $?; cat error"
    ran = subprocess.run(
        ["script", "-qc", f"cd {home}; touch error; export PYTHONPATH={CHECKOUT}; {line}"],
        env={**clean_environment(), "HOME": str(home), "TERM": "xterm"},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "left 2" in ran.stdout
    assert f"the interface needs a terminal, and {stream} is none" in ran.stdout
    assert "Traceback" not in ran.stdout


def test_the_interface_is_drawn_for_a_browser_without_a_terminal(home: Path) -> None:
    """As `textual serve` starts it: through pipes, in packets."""
    web = {
        "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
        "COLUMNS": "100",
        "ROWS": "30",
    }
    with subprocess.Popen(
        _CALL,
        env={**clean_environment(), "HOME": str(home), "PYTHONPATH": str(CHECKOUT), **web},
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as shown:
        assert shown.stdout is not None
        out = b""
        while b"SNAPSHOTS" not in out:
            more = os.read(shown.stdout.fileno(), 65536)
            assert more, out
            out += more
        shown.kill()


def test_an_interrupt_while_a_command_is_imported_is_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Importing a command takes most of the time until it does something."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "build_parser", interrupted)
    assert command_line.main(["check"]) == 4
    assert capsys.readouterr().err == "etcd-rescue: interrupted\n"
