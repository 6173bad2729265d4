"""A private key that others may read is known before somebody relies on it being secret."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import asyncssh
import pytest

from recovery.cluster.open_keys import OpenKey, open_keys
from recovery.health.model import CheckStatus
from recovery.health.preflight import ground_checks
from recovery.inventory.model import Node, SshOptions
from tests.cluster.samples import CLUSTER, quorum_lost


def _nodes(path: Path | None) -> list[Node]:
    ssh = SshOptions(identity_file=path)
    return [dataclasses.replace(node, ssh=ssh) for node in CLUSTER.nodes]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A private key as ssh-keygen writes it, with its public part beside it."""
    path = tmp_path / "key of nodes"
    made = asyncssh.generate_private_key("ssh-ed25519")
    made.write_private_key(path)
    made.write_public_key(path.with_suffix(".pub"))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_private_key_that_others_may_read_is_found_once(key: Path, mode: int) -> None:
    key.chmod(mode)
    assert open_keys(_nodes(key)) == (OpenKey(key, mode),)


def test_what_ssh_accepts_is_no_matter(key: Path, tmp_path: Path) -> None:
    public = key.with_suffix(".pub")
    public.chmod(0o644)
    for named in (key, public, tmp_path / "absent", tmp_path, None):
        assert open_keys(_nodes(named)) == ()


def test_the_check_names_the_file_its_mode_and_what_closes_it(key: Path) -> None:
    facts = dataclasses.replace(quorum_lost(), open_keys=(OpenKey(key, 0o644),))
    (check,) = (c for c in ground_checks(facts, 0) if c.name == "private keys here")
    assert check.status is CheckStatus.WARNING
    assert check.message == f"{key} has mode 0644"
    assert check.remedy == f"chmod 600 '{key}'"


def test_closed_keys_pass_the_check() -> None:
    (check,) = (c for c in ground_checks(quorum_lost(), 0) if c.name == "private keys here")
    assert check.status is CheckStatus.OK
