"""What is copied is wrapped for GNU screen and handed to tmux by its own command."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.screens.looking import PATIENCE
from tui.clipboard import for_screen, hand_on


def test_screen_gets_short_strings_that_make_up_one_osc_52() -> None:
    text = "2026-11-22 " * 200
    strings = for_screen(text).split("\x1b\\")
    assert all(len(one) <= 768 for one in strings)
    code = "".join(one.removeprefix("\x1bP") for one in strings)
    assert code.startswith("\x1b]52;c;")
    assert base64.b64decode(code.removeprefix("\x1b]52;c;").rstrip("\a")).decode() == text


def test_without_a_multiplexer_nothing_more_is_written() -> None:
    hand_on("text", {}, pytest.fail)


def test_tmux_is_handed_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    program = tmp_path / "tmux"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/how\ncat > {tmp_path}/got\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    hand_on("etcd-1:/x.tar", {"TMUX": "here"}, pytest.fail)
    deadline = time.monotonic() + PATIENCE
    got = tmp_path / "got"
    while not (got.exists() and got.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert got.read_text() == "etcd-1:/x.tar"
    assert (tmp_path / "how").read_text() == "load-buffer -w -\n"
