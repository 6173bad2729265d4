"""The configuration that was seen last, kept for a day on which etcd is dead."""

from __future__ import annotations

import json
from pathlib import Path

from recovery.backups.last_seen import remember, remembered

RESOURCE = {"metadata": {"name": "etcd-backup-default"}, "spec": {"schedule": "0 0 * * *"}}


def test_what_was_kept_is_told_as_it_was_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "configurations/prod-a.json"
    remember(RESOURCE, path)
    kept = remembered(path)
    assert kept is not None
    assert json.loads(kept[0]) == RESOURCE
    assert path.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == ["prod-a.json"]


def test_where_nothing_can_be_kept_what_was_seen_is_as_true_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "configurations").write_text("a file stands here")
    path = tmp_path / "configurations/prod-a.json"
    remember(RESOURCE, path)
    assert remembered(path) is None
