"""Loading an inventory, and what is said about a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import assets
from recovery.backups.configuration import BackupSpec, LocalStorage, S3Storage
from recovery.errors import InventoryError, UsageError
from recovery.inventory.load import load_inventory, select_cluster
from recovery.inventory.model import Inventory, NodePaths, Role, S3CredentialsSource, SshOptions

Load = Callable[[str], Inventory]

HEAD = "clusters:\n  - name: prod-a\n    controlPlane:\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load this text as an inventory file."""

    def from_text(text: str) -> Inventory:
        path = tmp_path / "inventory.yaml"
        path.write_text(text)
        return load_inventory(path)

    return from_text


def problem(load: Load, text: str) -> InventoryError:
    """The error that this text is."""
    with pytest.raises(InventoryError) as caught:
        load(text)
    return caught.value


def line_of(error: InventoryError) -> int:
    """The line that the error names."""
    return int(error.where.rsplit(":", 1)[1])


def test_the_example_inventory_loads() -> None:
    path = Path(assets.__file__).with_name("example-inventory.yaml")
    (cluster,) = load_inventory(path).clusters
    assert cluster.name == "prod-a"
    assert [node.name for node in cluster.nodes] == ["etcd-1", "etcd-2", "etcd-3", "worker-1"]
    assert [node.ssh.port for node in cluster.control_plane] == [None, 2222, None]
    assert cluster.node("worker-1").role is Role.WORKER
    assert cluster.node("etcd-1").paths == NodePaths()
    assert cluster.backup == BackupSpec(
        schedule="0 0 * * *",
        local=LocalStorage("/cpaas/backup", 7776000),
        s3=S3Storage(
            "https://s3.example.com", "etcd", "eu-1", "prod-a", secret_ref="etcd-backup-s3-secret"
        ),
    )


def test_a_name_and_one_node_are_enough(load: Load) -> None:
    (cluster,) = load(HEAD + "      - {name: etcd-1}\n").clusters
    assert cluster.control_plane[0].host == "etcd-1"
    assert cluster.control_plane[0].ssh == SshOptions()
    assert cluster.backup is None and cluster.s3_credentials == S3CredentialsSource()


def test_a_nodes_ssh_and_paths_go_before_the_clusters(load: Load, home: Path) -> None:
    (cluster,) = load(
        HEAD
        + "      - {name: a, ssh: {port: 2222, sudo: false}, paths: {work: /srv/work/}}\n"
        + "      - {name: b}\n"
        + "    ssh: {user: ops, port: 22, sudo: true, connectTimeout: 2.5,\n"
        + "          identityFile: ~/.ssh/k, knownHostsFile: hosts,\n"
        + "          proxyJump: 'ops@gate:2222,[fd00::1]:22'}\n"
        + "    paths: {dataDir: /data/etcd}\n"
    ).clusters
    a, b = cluster.control_plane
    assert (a.ssh.user, a.ssh.port, a.ssh.sudo, a.ssh.connect_timeout) == ("ops", 2222, False, 2.5)
    assert (b.ssh.port, b.ssh.sudo) == (22, True)
    assert b.ssh.proxy_jump == "ops@gate:2222,[fd00::1]:22"
    assert (b.ssh.identity_file, b.ssh.known_hosts_file) == (home / ".ssh/k", home / "hosts")
    assert (a.paths.work, a.paths.data_dir) == ("/srv/work", "/data/etcd")
    assert b.paths.work == NodePaths().work


def test_anchors_and_merges_save_repetition(load: Load) -> None:
    (cluster,) = load(
        HEAD
        + "      - {name: a, ssh: &low {user: ops, port: 2222}}\n"
        + "      - {name: b, ssh: {<<: *low, port: 2223}}\n"
    ).clusters
    assert [(n.ssh.user, n.ssh.port) for n in cluster.nodes] == [("ops", 2222), ("ops", 2223)]


def test_an_unknown_field_names_file_line_field_and_the_nearest(load: Load, home: Path) -> None:
    error = problem(load, HEAD + "      - {name: a}\n      - name: b\n        ssh: {prot: 2222}\n")
    assert error.where == f"{home}/inventory.yaml:6"
    assert error.what == "clusters[0].controlPlane[1].ssh: unknown field 'prot'"
    assert error.remedy == "did you mean 'port'?"


@pytest.mark.parametrize(
    ("text", "wrong", "meant"),
    [
        ("clusters: [{name: a, controlplane: [{name: b}]}]", "controlplane", "controlPlane"),
        ("clusters: [{Name: a, controlPlane: [{name: b}]}]", "Name", "name"),
        ("clusters: [{name: a, controlPlane: [{Name: b}]}]", "Name", "name"),
        ("Clusters: [{name: a, controlPlane: [{name: b}]}]", "Clusters", "clusters"),
    ],
)
def test_a_misspelled_field_is_not_called_missing_as_well(
    load: Load, text: str, wrong: str, meant: str
) -> None:
    error = problem(load, text)
    assert error.what.endswith(f"unknown field {wrong!r}") and not error.detail
    assert error.remedy == f"did you mean {meant!r}?"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("control_plane", "controlPlane"), ("Controlplane", "controlPlane"), ("worker", "workers")],
)
def test_the_nearest_field_is_found_whatever_the_style(
    load: Load, written: str, meant: str
) -> None:
    error = problem(load, HEAD + f"      - {{name: a}}\n    {written}: []\n")
    assert error.remedy == f"did you mean {meant!r}?"


def test_a_field_near_to_none_lists_those_there_are(load: Load) -> None:
    error = problem(load, HEAD + "      - {name: a, zzz: 1}\n")
    assert error.remedy == "there are: name, host, ssh, paths"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("name: a, host: 12", "host: must be text, not '12'"),
        ("name: a, host: root@h", "host: 'root@h' is no host name"),
        ("name: a, host: -oProxyCommand=x", "is no host name"),
        ("name: a, host: ''", "host: must not be empty"),
        ("name: a, ssh: {port: '22'}", "ssh.port: must be a whole number, not '22'"),
        ("name: a, ssh: {port: 0}", "ssh.port: must be from 1 to 65535, not 0"),
        ("name: a, ssh: {port: 65536}", "ssh.port: must be from 1 to 65535, not 65536"),
        ("name: a, ssh: {port: true}", "ssh.port: must be a whole number, not 'true'"),
        ("name: a, ssh: {sudo: 'yes'}", "ssh.sudo: must be true or false, not 'yes'"),
        ("name: a, ssh: {connectTimeout: 0}", "ssh.connectTimeout: must be above 0"),
        ("name: a, ssh: {connectTimeout: .inf}", "ssh.connectTimeout: must be above 0"),
        ("name: a, ssh: {connectTimeout: .nan}", "ssh.connectTimeout: must be above 0"),
        ("name: a, ssh: {connectTimeout: 10s}", "must be a number of seconds, not '10s'"),
        ("name: a, ssh: [port]", "ssh: must hold fields, not a list"),
        ("name: a, ssh: {user: 'a b'}", "ssh.user: 'a b' is no user name"),
        ("name: a, ssh: {proxyJump: 'a b'}", "ssh.proxyJump: 'a b' is no jump host"),
        ("name: a, ssh: {identityFile: ~nobody-here/k}", "is not known"),
        ("name: a, paths: {work: tmp}", "paths.work: 'tmp' is no absolute path"),
        ("name: a, paths: {work: /a/../b}", "without '..'"),
        ("name: a, paths: {work: /}", "must name one directory"),
        ('name: a, paths: {work: "/a\\nb"}', "paths.work: holds a control character"),
        ("name: Etcd_1", "name: 'Etcd_1' is no node name"),
        ("name: ../etc", "is no node name"),
        ("name: -a", "is no node name"),
        ("host: h", "name is missing"),
    ],
)
def test_a_wrong_value_is_named_with_its_field(load: Load, fields: str, says: str) -> None:
    error = problem(load, HEAD + f"      - {{{fields}}}\n")
    assert says in error.what
    assert "clusters[0].controlPlane[0]" in error.what
    assert line_of(error) == 4


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ("localStorage: {ttl: 90d}", "localStorage.ttl: must be seconds"),
        ("localStorage: {ttl: '-1'}", "localStorage.ttl: must be seconds"),
        ("localStorage: {path: backup}", "localStorage.path: must begin with /"),
        ("paused: 'no'", "paused: must be true or false"),
        ("schedule: 5", "schedule: must be text"),
        ("remoteStorage: {s3: {endpoint: x}}", "the bucket is missing"),
        ("remoteStorage: s3", "remoteStorage: must hold fields"),
        ("{kind: EtcdBackupConfiguration, spec: {paused: true}}", "not its spec"),
        ("schedul: 0 0 * * *", "schedul: unknown field"),
        ("localStorage: {paht: /cpaas}", "localStorage.paht: unknown field"),
        ("remoteStorage: {s3: {bucket: x, secretref: y}}", "s3.secretref: unknown field"),
    ],
)
def test_a_wrong_backup_block_is_named(load: Load, block: str, says: str) -> None:
    block = block if block.startswith("{") else f"{{{block}}}"
    error = problem(load, HEAD + f"      - {{name: a}}\n    backup: {block}\n")
    assert says in error.what and "clusters[0].backup" in error.what
    assert line_of(error) == 5


def test_a_backup_block_may_hold_what_is_not_known_here(load: Load) -> None:
    (cluster,) = load(
        HEAD
        + "      - {name: a}\n"
        + "    backup: {newThing: {x: 1}, localStorage: {ttl: 3600, other: 1}, paused: true}\n"
    ).clusters
    assert cluster.backup == BackupSpec(paused=True, local=LocalStorage(ttl_seconds=3600))


def test_s3_credentials_can_name_a_file(load: Load, home: Path) -> None:
    (cluster,) = load(
        HEAD + "      - {name: a}\n    s3Credentials: {profile: ops, file: ~/keys}\n"
    ).clusters
    assert cluster.s3_credentials == S3CredentialsSource("ops", home / "keys")


def test_all_problems_are_listed_in_the_order_of_lines(load: Load) -> None:
    error = problem(
        load,
        HEAD + "      - {name: a, hots: x}\n      - {name: b, ssh: {port: x}}\n    sshh: {}\n",
    )
    assert error.what.endswith("(and 2 more)")
    assert [line.split(":")[0] for line in error.detail.split("\n")] == [
        "line 4",
        "line 5",
        "line 6",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + "      - {name: a}\n      - {name: a, host: b}\n", "'a' is also"),
        (HEAD + "      - {name: a, host: h}\n      - {name: b, host: h}\n", "same host and port"),
        (HEAD + "      - {name: a}\n    workers: [{name: a, host: h}]\n", "'a' is also"),
        (HEAD + "      - {name: a, name: b}\n", "name: stands here twice"),
        (HEAD + "      []\n", "needs at least one node"),
        ("clusters:\n  - name: a\n", "needs at least one node"),
        ("clusters:\n  - {name: a/b, controlPlane: [{name: a}]}\n", "is no name for a cluster"),
        (2 * (HEAD + "      - {name: a}\n"), "clusters: stands here twice"),
        (HEAD + "      - {name: a}\n" + (HEAD + "      - {name: a}\n")[10:], "called 'prod-a'"),
        ("clusters: {}\n", "clusters: must be a list, not fields"),
        ("clusters: [a]\n", "clusters[0]: must hold fields, not 'a'"),
        ("clusters: []\n", "clusters is missing or empty"),
        ("[]\n", "must hold fields, not a list"),
        ("", "the inventory is empty"),
        ("{1: 2}\n", "the name of a field must be text"),
    ],
)
def test_what_cannot_be_a_cluster_is_refused(load: Load, text: str, says: str) -> None:
    assert says in problem(load, text).what


def test_one_host_may_serve_several_nodes_on_several_ports(load: Load) -> None:
    (cluster,) = load(
        HEAD
        + "      - {name: a, host: 127.0.0.1, ssh: {port: 2201}}\n"
        + "      - {name: b, host: 127.0.0.1, ssh: {port: 2202}}\n"
    ).clusters
    assert len(cluster.control_plane) == 2


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("clusters:\n\t- name: a\n", 2, "there is a tab"),
        ("clusters: [\n", 2, "this is not YAML"),
        ("clusters: *who\n", 1, "undefined alias"),
        ("clusters: []\n---\nclusters: []\n", 2, "second document"),
        ("a: b: c\n", 1, "this is not YAML"),
        ("clusters:\n  - name: a\x00\n", 2, "control character"),
        ("clusters:\n  - name: \x1b[31m\n", 2, "control character"),
    ],
)
def test_what_is_no_yaml_names_its_line(load: Load, text: str, line: int, says: str) -> None:
    error = problem(load, text)
    assert says in error.what and abs(line_of(error) - line) <= 1


def test_a_file_that_is_not_utf_8_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_bytes(b"clusters:\n  - name: caf\xe9\n")
    with pytest.raises(InventoryError, match="UTF-8") as caught:
        load_inventory(path)
    assert caught.value.where == f"{path}:2"


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + "      - {name: a}\n").encode())
    assert load_inventory(path).clusters[0].name == "prod-a"


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(InventoryError, match="cannot be read"):
            load_inventory(path)


def test_nothing_in_a_file_is_run(load: Load, tmp_path: Path) -> None:
    bomb = f"clusters: !!python/object/apply:os.mkdir ['{tmp_path}/made']\n"
    problem(load, bomb)
    assert not (tmp_path / "made").exists()


def test_deep_nesting_is_an_error_like_others(load: Load) -> None:
    assert problem(load, "clusters: " + "[" * 5000).where


def two(load: Load) -> Inventory:
    """An inventory of two clusters."""
    return load(
        "clusters:\n"
        "  - {name: prod-a, controlPlane: [{name: a}]}\n"
        "  - {name: prod-b, controlPlane: [{name: a}]}\n"
    )


def test_the_only_cluster_needs_no_name(load: Load) -> None:
    assert select_cluster(load(HEAD + "      - {name: a}\n"), None).name == "prod-a"


def test_one_of_several_clusters_has_to_be_named(load: Load) -> None:
    inventory = two(load)
    assert select_cluster(inventory, "prod-b").name == "prod-b"
    with pytest.raises(UsageError) as caught:
        select_cluster(inventory, None)
    assert "prod-a, prod-b" in caught.value.remedy


def test_an_unknown_cluster_gets_the_nearest_name(load: Load) -> None:
    with pytest.raises(UsageError, match="'prod-c'") as caught:
        select_cluster(two(load), "prod-c")
    assert "did you mean 'prod-" in caught.value.remedy
    with pytest.raises(UsageError) as caught:
        select_cluster(two(load), "zzz")
    assert caught.value.remedy == "there are: prod-a, prod-b"
