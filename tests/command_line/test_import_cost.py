"""What is read from disk before the first paint, and for `--help` and `--version`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster_fixtures import CHECKOUT, clean_environment

HEAVY = {"asyncssh", "boto3", "botocore", "etcd3", "grpc", "cryptography", "moto", "zstandard"}

_AT_FIRST_PAINT = """
import asyncio, json, sys
from pathlib import Path
from tui.app import Opening, RescueApp
from tui.commands.interface import incidents_of

async def main():
    opening = Opening("a cluster", lambda: incidents_of(Path(sys.argv[1]), None))
    app = RescueApp(opening=opening)
    seen = {}
    app.open_home = lambda: None
    async def stop(opening):
        seen["first"] = sorted(sys.modules)
        app.exit()
    app._open = lambda opening: app.call_later(stop, opening)
    async with app.run_test() as pilot:
        while "first" not in seen:
            await pilot.pause(0.01)
    print(json.dumps(seen["first"]))

asyncio.run(main())
"""


def modules_after(program: str, *arguments: str, home: Path) -> set[str]:
    """Top-level packages that a Python program has imported when it prints them."""
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**clean_environment(), "HOME": str(home)},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    names: list[str] = json.loads(ran.stdout.splitlines()[-1])
    return set(names)


def test_nothing_heavy_is_imported_before_the_first_paint(tmp_path: Path) -> None:
    seen = modules_after(_AT_FIRST_PAINT, str(tmp_path / "inventory.yaml"), home=tmp_path)
    assert not HEAVY & {name.partition(".")[0] for name in seen}
    assert "textual.app" in seen
    # What the home screen needs is read after the first paint, too.
    assert not {"recovery.incident", "screens.snapshots", "yaml"} & seen


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_no_interface(option: str, tmp_path: Path) -> None:
    program = (
        "import sys, json, tui.command_line\n"
        "try: tui.command_line.main([sys.argv[1]])\n"
        "except SystemExit: pass\n"
        "print()\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    seen = modules_after(program, option, home=tmp_path)
    assert not (HEAVY | {"textual", "asyncio", "yaml"}) & {n.partition(".")[0] for n in seen}


def test_a_command_imports_only_its_own_module(tmp_path: Path) -> None:
    program = (
        "import sys, json, tui.command_line\n"
        "tui.command_line.build_parser(['snapshots'])\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    seen = modules_after(program, home=tmp_path)
    assert "tui.commands.snapshots" in seen
    assert "tui.commands.restore" not in seen
    assert not (HEAVY | {"textual"}) & {name.partition(".")[0] for name in seen}
