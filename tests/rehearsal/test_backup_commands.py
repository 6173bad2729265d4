"""`backup now`, `backup run` and `backup unit`, as their user starts them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from recovery.backups.naming import is_backup_name
from tests.cluster_fixtures import RunningRehearsal
from tests.end_to_end.demo_cluster import PROGRAM, clean_environment

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def inventory_with(
    rehearsal: RunningRehearsal, directory: Path, **backup: object
) -> tuple[Path, list[Path]]:
    """The rehearsal's inventory with empty backup directories and no S3."""
    document: Any = yaml.safe_load(rehearsal.inventory_path.read_text())
    cluster = document["clusters"][0]
    places = []
    for node in cluster["controlPlane"]:
        places.append(directory / "backups" / node["name"])
        node["paths"]["backups"] = str(places[-1])
    del cluster["backup"]["remoteStorage"]
    cluster["backup"] |= backup
    path = directory / "inventory.yaml"
    path.write_text(yaml.safe_dump(document))
    return path, places


def test_backup_now_prints_one_document(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    inventory, places = inventory_with(healthy_rehearsal, tmp_path)
    ran = subprocess.run(
        [*PROGRAM, "--inventory", inventory, "backup", "now", "--directly", "-o", "json"],
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    assert document["cluster"] == "demo"
    assert document["failures"] == document["deleted"] == []
    assert [copy["node"] for copy in document["copies"]] == ["etcd-1", "etcd-2", "etcd-3"]
    for place in places:
        assert (place / document["name"]).stat().st_size == document["size"]


def test_the_scheduler_leaves_a_cluster_with_the_platform_to_it(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    inventory, places = inventory_with(healthy_rehearsal, tmp_path)
    ran = subprocess.run(
        [*PROGRAM, "--inventory", inventory, "backup", "run"],
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ran.returncode == 3
    assert "the platform takes this cluster's backups" in ran.stderr
    assert not any(place.exists() for place in places)


def test_the_scheduler_takes_what_is_due_and_ends_with_sigterm(
    healthy_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    inventory, places = inventory_with(healthy_rehearsal, tmp_path)
    running = subprocess.Popen(
        [*PROGRAM, "--inventory", inventory, "backup", "run", "--directly"],
        env={**clean_environment(tmp_path), "JOURNAL_STREAM": "8:1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    late = threading.Timer(200, running.kill)
    late.start()
    try:
        assert running.stderr is not None
        lines = []
        for line in running.stderr:
            lines.append(line)
            if "the next backup is due" in line:
                running.send_signal(signal.SIGTERM)
        status = running.wait(30)
    finally:
        late.cancel()
        running.kill()
        running.stderr.close() if running.stderr else None
    assert status == 0, lines
    said = "".join(lines)
    assert "<6>demo: taking a backup: no backup is known yet\n" in said
    assert "<6>demo: took snapshot-etcd-" in said
    assert lines[-1] == "<6>demo: stopped\n"
    assert "\x1b" not in said
    for place in places:
        assert [is_backup_name(path.name) for path in place.glob("*.tar*")] == [True]


def test_the_unit_names_the_program_that_printed_it(tmp_path: Path) -> None:
    program = tmp_path / "bin/etcd-rescue"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom tui.command_line import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    here = Path(__file__).parents[2]
    ran = subprocess.run(
        [program, "backup", "unit"],
        env={**clean_environment(tmp_path), "PYTHONPATH": str(here)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"\nExecStart={program} backup run\n" in ran.stdout, ran.stderr
    if shutil.which("systemd-analyze") is None:
        return
    unit = tmp_path / "etcd-rescue-backup.service"
    unit.write_text(ran.stdout)
    judged = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60
    )
    assert "etcd-rescue-backup.service" not in judged.stderr
