"""Finding restore programs, and choosing one."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest

from recovery.cluster.etcd_tools import choose_tool, read_tools
from recovery.cluster.facts import EtcdTool, ToolKind, Version
from recovery.cluster.program_search import search_script

CTL, UTL = ToolKind.ETCDCTL, ToolKind.ETCDUTL


def tool(kind: ToolKind, version: str, *, restores: bool = True) -> EtcdTool:
    parsed = Version(*(int(part) for part in version.split(".")))
    bumps = parsed >= Version(3, 5, 10)
    return EtcdTool(kind, f"/{kind.value}-{version}", parsed, restores, bumps)


@pytest.mark.parametrize(
    ("server", "tools", "chosen"),
    [
        ("3.5.16", [tool(CTL, "3.5.16"), tool(UTL, "3.5.16")], (UTL, "3.5.16")),
        ("3.5.16", [tool(UTL, "3.5.16"), tool(UTL, "3.6.1")], (UTL, "3.5.16")),
        ("3.5.1", [tool(UTL, "3.5.1"), tool(CTL, "3.5.16")], (CTL, "3.5.16")),
        ("3.5.16", [tool(UTL, "3.5.16"), tool(UTL, "3.5.30")], (UTL, "3.5.30")),
        ("3.5.16", [tool(UTL, "3.6.1")], (UTL, "3.6.1")),
        ("3.4.23", [tool(CTL, "3.4.23"), tool(UTL, "3.5.16")], (CTL, "3.4.23")),
        (None, [tool(UTL, "3.5.16"), tool(UTL, "3.6.1")], (UTL, "3.6.1")),
    ],
)
def test_the_fitting_program_is_chosen(
    server: str | None, tools: list[EtcdTool], chosen: tuple[ToolKind, str]
) -> None:
    version = Version(*(int(part) for part in server.split("."))) if server else None
    for order in itertools.permutations(tools):
        best = choose_tool(version, order)
        assert best is not None
        assert (best.kind, str(best.version)) == chosen


def test_an_older_minor_version_is_never_used() -> None:
    assert choose_tool(Version(3, 5, 16), [tool(CTL, "3.4.34")]) is None


def test_a_program_that_cannot_restore_is_never_used() -> None:
    assert choose_tool(Version(3, 6, 1), [tool(CTL, "3.6.1", restores=False)]) is None


def fake(path: Path, version: str, flags: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"#!/bin/sh\nif [ $1 = version ]; then echo '{path.name} version: {version}'; exit; fi\n"
        f"echo 'restore help'\nprintf '      %s string\\n' {flags}\n"
    )
    path.chmod(0o755)


def run_find(containerd: Path, path: Path) -> tuple[EtcdTool, ...]:
    marker = "----0123"
    answer = subprocess.run(
        ["sh", "-c", search_script(("etcdutl", "etcdctl"), str(containerd), marker)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{path}:/usr/bin:/bin"},
        timeout=30,
    )
    assert answer.stdout.endswith(f"{marker} end\n")
    return read_tools(answer.stdout, marker)


def test_programs_in_image_layers_and_on_the_path_are_found_once_each(tmp_path: Path) -> None:
    plain = "--data-dir --initial-cluster-token"
    bump = f"{plain} --bump-revision --mark-compacted"
    layers = tmp_path / "containerd" / "snap shots"
    fake(layers / "1" / "etcdctl", "3.5.1", plain)
    fake(layers / "2" / "etcdctl", "3.5.1", plain)
    fake(layers / "3" / "etcdutl", "3.5.16", bump)
    fake(layers / "4" / "etcdctl", "3.6.1", "--endpoints")
    fake(tmp_path / "bin" / "etcdctl", "3.4.23", plain)
    (layers / "5").mkdir()
    (layers / "5" / "etcdctl").write_text("not executable")
    found = run_find(tmp_path / "containerd", tmp_path / "bin")
    facts = sorted((str(t.version), t.kind, t.restores, t.bumps_revision) for t in found)
    assert facts == [
        ("3.4.23", CTL, True, False),
        ("3.5.1", CTL, True, False),
        ("3.5.16", UTL, True, True),
        ("3.6.1", CTL, False, False),
    ]


def test_a_program_that_says_nonsense_is_left_out(tmp_path: Path) -> None:
    fake(tmp_path / "bin" / "etcdctl", "unknown", "--data-dir")
    assert run_find(tmp_path / "absent", tmp_path / "bin") == ()
