"""Containers are told to stop all at once, and are looked for afterwards."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from recovery.restore.planner import PlanOptions, plan
from tests.restore.broken_cluster import SOURCE, facts

_CRICTL = """#!/bin/sh
# Its containers are files; one stops when the three others have been told to stop as well.
set -eu
cd "$CONTAINERS"
case $1 in
  ps)
    NAME=${5#^}
    NAME=${NAME%?}
    if [ -e "$NAME" ]; then echo "$NAME"; fi
    ;;
  stop)
    : > "told-$4"
    TRIES=0
    until [ "$(find . -name 'told-*' | wc -l)" -eq 4 ]; do
      sleep 0.05
      TRIES=$((TRIES + 1))
      [ "$TRIES" -lt 200 ] || exit 1
    done
    ;;
  rm) [ "$3" = "$STAYS" ] || rm "$3" ;;
esac
"""
NAMES = ("etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager")


def remove(directory: Path, *, stays: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script that removes the containers where these four are."""
    containers, programs = directory / "containers", directory / "bin"
    containers.mkdir()
    programs.mkdir()
    for name in NAMES:
        (containers / name).touch()
    (programs / "crictl").write_text(_CRICTL)
    (programs / "crictl").chmod(0o755)
    step = plan(facts(), SOURCE, PlanOptions("run-1")).step("stop")
    action = next(one for one in step.actions if one.id == "remove-containers")
    return subprocess.run(
        ["sh", "-c", action.works[0].script],
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "CONTAINERS": str(containers),
            "STAYS": stays,
        },
        text=True,
        capture_output=True,
        timeout=60,
    )


def test_containers_are_told_to_stop_all_at_once_and_etcd_gets_time_to_close_its_database(
    tmp_path: Path,
) -> None:
    ran = remove(tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "by itself" not in ran.stdout
    for name in NAMES:
        seconds = 15 if name == "etcd" else 1
        assert f"$ crictl stop --timeout {seconds} {name}\n" in ran.stdout
        assert f"$ crictl rm -f {name}\n" in ran.stdout
        assert f"no container named {name} is left\n" in ran.stdout


@pytest.mark.parametrize("stays", NAMES)
def test_a_container_that_is_still_there_is_a_failure(tmp_path: Path, stays: str) -> None:
    ran = remove(tmp_path, stays=stays)
    assert ran.returncode == 1
    assert f"a container named {stays} is still there: {stays}" in ran.stderr
