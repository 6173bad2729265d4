"""The closer look at a node, on this machine: real certificates, real sockets, real openssl."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from recovery.cluster.api_server_files import ApiServerFiles, api_server_files
from recovery.cluster.certificate_reading import certificate_places
from recovery.cluster.certificates import KeyFit, NodeCertificates, Role
from recovery.cluster.closer_look import CloserLook, look_script, read_look
from recovery.cluster.ports import PORTS_SH, read_ports
from recovery.cluster.surroundings import SURROUNDINGS_SH, read_surroundings, surroundings_script
from recovery.inventory.model import NodePaths
from recovery.rehearsal.node.layout import NodeLayout
from recovery.rehearsal.pki import (
    Authority,
    make_authorities,
    write_control_plane_pki,
    write_signed,
)
from tests.cluster.node_programs import program

NO_FILES = ApiServerFiles(known=False)
SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"
FEW = "sh sed head cut base64 awk grep dirname sort readlink sha256sum".split()  # noqa: SIM905


@pytest.fixture(name="layout")
def layout_fixture(tmp_path: Path) -> NodeLayout:
    """A node's tree with certificates as kubeadm makes them."""
    layout = NodeLayout(tmp_path, "etcd-1", "127.0.0.9")
    layout.create()
    write_control_plane_pki(layout, make_authorities())
    return layout


def paths_of(layout: NodeLayout) -> NodePaths:
    return NodePaths(
        manifests=str(layout.manifests),
        pki=str(layout.pki / "etcd"),
        kubernetes=str(layout.kubernetes),
        data_dir=str(layout.data_dir),
        work=str(layout.work),
    )


def printed(layout: NodeLayout, files: ApiServerFiles = NO_FILES, path: str = SYSTEM) -> str:
    paths = paths_of(layout)
    places = certificate_places(paths, None, files)
    text = look_script(paths, None, files, None, "----m", places)
    ended = subprocess.run(
        ["sh", "-c", text],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PATH": path, "HOME": str(layout.home)},
    )
    return ended.stdout


def look(layout: NodeLayout, files: ApiServerFiles = NO_FILES, path: str = SYSTEM) -> CloserLook:
    places = certificate_places(paths_of(layout), None, files)
    return read_look(printed(layout, files, path), "----m", places, files)


def certificates(layout: NodeLayout, path: str = SYSTEM) -> NodeCertificates:
    found = look(layout, path=path).certificates
    assert found is not None
    return found


def test_certificates_are_read_with_their_hosts_their_signer_and_their_keys(
    layout: NodeLayout,
) -> None:
    known = certificates(layout)
    server = known.of(Role.ETCD_SERVER)
    assert server is not None
    assert {"etcd-1", "127.0.0.9", "::1"} <= server.hosts
    assert server.signed is True
    assert server.key is KeyFit.FITS
    admin = known.of(Role.ADMIN)
    assert admin is not None
    assert (admin.signed, admin.key) == (True, KeyFit.NOT_ASKED)
    assert all(one.signed is not False for one in known.certificates)
    assert len(known.authority(Role.ETCD_CA)) == 1
    assert known.authority(Role.ETCD_CA) != known.authority(Role.CLUSTER_CA)


def test_no_private_key_leaves_the_node(layout: NodeLayout) -> None:
    bundle = layout.pki / "etcd/peer.crt"
    bundle.write_bytes(bundle.read_bytes() + (layout.pki / "etcd/peer.key").read_bytes())
    said = printed(layout)
    assert "PRIVATE" not in said
    for key in (*layout.pki.rglob("*.key"), layout.admin_kubeconfig):
        for line in key.read_text().splitlines():
            secret = line.partition("client-key-data: ")[2] if key.suffix == ".conf" else line
            assert len(secret) < 40 or secret not in said


def test_an_expired_a_foreign_and_a_mixed_up_certificate_are_told(layout: NodeLayout) -> None:
    etcd = layout.pki / "etcd"
    write_signed(etcd, "peer", Authority("etcd-ca").sign("etcd-1", ["127.0.0.9"], days=-3))
    shutil.copy(etcd / "healthcheck-client.key", etcd / "server.key")
    (etcd / "healthcheck-client.crt").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    (layout.pki / "apiserver.key").unlink()
    (layout.pki / "apiserver-etcd-client.crt").unlink()
    known = certificates(layout)
    peer, server, api = (
        known.of(role) for role in (Role.ETCD_PEER, Role.ETCD_SERVER, Role.API_SERVER)
    )
    assert peer is not None and server is not None and api is not None
    assert peer.signed is False
    assert peer.not_after.timestamp() < (etcd / "peer.crt").stat().st_mtime
    assert server.key is KeyFit.DIFFERS
    assert api.key is KeyFit.ABSENT
    assert [role for role, _ in known.unreadable] == [Role.ETCD_HEALTHCHECK]
    assert Role.API_SERVER_TO_ETCD in dict(known.missing)


def test_without_openssl_nobody_says_that_a_key_fits(layout: NodeLayout) -> None:
    directory = layout.root / "few"
    directory.mkdir()
    for name in FEW:
        found = shutil.which(name, path=SYSTEM)
        assert found is not None
        (directory / name).symlink_to(found)
    look_there = look(layout, path=str(directory))
    assert look_there.certificates is not None
    server = look_there.certificates.of(Role.ETCD_SERVER)
    assert server is not None
    assert (server.signed, server.key) == (True, KeyFit.UNKNOWN)
    assert look_there.ports is not None
    assert "no `ss`" in look_there.ports.unknown
    assert look_there.surroundings is not None
    assert not look_there.surroundings.units_known


def test_an_answer_that_breaks_off_is_not_known(layout: NodeLayout) -> None:
    whole = printed(layout)
    places = certificate_places(paths_of(layout), None, NO_FILES)
    cut = read_look(whole[: whole.index("----m encryption")], "----m", places, NO_FILES)
    assert cut.certificates is not None
    assert (cut.ports, cut.encryption, cut.surroundings) == (None, None, None)
    assert read_look("Welcome!\n", "----m", places, NO_FILES) == CloserLook()


def test_a_process_on_etcds_port_is_named(layout: NodeLayout) -> None:
    if shutil.which("ss") is None:
        pytest.skip("ss is missing")
    with socket.socket() as stray:
        stray.bind(("127.77.0.9", 2380))
        stray.listen()
        ports = look(layout).ports
    assert ports is not None
    (found,) = [one for one in ports.listeners if one.address == "127.77.0.9"]
    assert (found.port, found.pid, found.container) == (2380, os.getpid(), "")
    assert "python" in found.executable
    assert found.takes("127.77.0.9", 2380) and found.takes("0.0.0.0", 2380)
    assert not found.takes("127.77.0.10", 2380)


CONTAINER = "5f1c" * 16
LISTENING = f"""\
listener LISTEN 0      4096       10.0.0.11:2379      0.0.0.0:*    users:(("etcd",pid=10,fd=8))
listener LISTEN 0      4096               *:2380            *:*    users:(("etcd",pid=11,fd=7))
listener LISTEN 0      4096    [fd00::1]:6443         [::]:*  users:(("kube-api",pid=12,fd=3))
listener LISTEN 0      128     127.0.0.1%lo:2379      0.0.0.0:*
process 10 /usr/local/bin/etcd
cgroup 10 0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-{CONTAINER}.scope
process 11 /opt/etcd/etcd
cgroup 11 1:name=systemd:/system.slice/etcd.service
cgroup 11 0::/system.slice/etcd.service
process 12 /usr/local/bin/kube-apiserver
container etcd {CONTAINER} 999
container kube-apiserver {"a" * 64} 12
"""


def test_a_listener_belongs_to_a_container_by_its_cgroup_or_its_pid_or_to_a_unit() -> None:
    etcd, stray, api, unseen = read_ports(LISTENING, "0.0.0.0", 6443).listeners
    assert etcd.container == "etcd"
    assert (stray.container, stray.unit) == ("", "etcd.service")
    assert stray.in_words == "/opt/etcd/etcd (pid 11, etcd.service)"
    assert (api.address, api.container) == ("fd00::1", "kube-apiserver")
    assert (unseen.pid, unseen.in_words) == (0, "a process that could not be seen")
    assert unseen.takes("127.0.0.1", 2379)
    assert not etcd.takes("127.0.0.1", 2379)


@pytest.mark.parametrize(("crictl", "known"), [("exit 1", False), ("exit 0", True)])
def test_a_container_runtime_that_does_not_answer_is_not_one_without_containers(
    tmp_path: Path, crictl: str, known: bool
) -> None:
    for name, body in (
        ("crictl", crictl),
        ("ss", """echo 'LISTEN 0 9 *:2380 *:* users:(("etcd",pid=11,fd=7))'"""),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    script = f"set -eu\n{PORTS_SH}\nlisteners 2379 2380\n"
    path = f"{tmp_path}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["sh", "-c", script], text=True, capture_output=True, env={"PATH": path}, check=True
    )
    ports = read_ports(ran.stdout, "0.0.0.0", 6443)
    assert [one.port for one in ports.listeners] == [2380]
    assert ports.containers_known is known


MANIFEST = """
spec:
  containers:
  - name: kube-apiserver
    command:
    - kube-apiserver
    - --encryption-provider-config=/etc/enc/config.yaml
    - --etcd-servers=https://127.0.0.1:2379,https://[fd00::1]:2379
    - --etcd-certfile=/nowhere/client.crt
    - --secure-port=7443
    volumeMounts:
    - {mountPath: /etc/enc, name: enc}
  volumes:
  - {name: enc, hostPath: {path: /data/encryption}}
"""


def test_the_api_servers_files_are_found_where_the_host_has_them() -> None:
    files = api_server_files(MANIFEST)
    assert files.encryption_config == "/data/encryption/config.yaml"
    assert files.etcd_certificate == "/nowhere/client.crt"
    assert files.etcd_hosts == ("127.0.0.1", "fd00::1")
    assert (files.bind_address, files.port) == ("0.0.0.0", 7443)
    assert not api_server_files("no: pod").known


ENCRYPTION = """
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - aescbc:
      keys:
      - name: key1
        secret: c2VjcmV0LWlzLXNlY3VyZS1lbm91Z2gtMTIz
  - kms: {apiVersion: v2, "name": "vault", endpoint: unix:///run/kms}
  - identity: {}
"""


def test_of_the_encryption_configuration_only_a_hash_and_names_are_told(layout: NodeLayout) -> None:
    config = layout.kubernetes / "enc.yaml"
    config.write_text(ENCRYPTION)
    files = ApiServerFiles(known=True, encryption_config=str(config))
    said = printed(layout, files)
    assert "c2VjcmV0" not in said
    found = look(layout, files).encryption
    assert found is not None
    assert (found.present, found.readable) == (True, True)
    assert re.fullmatch("[0-9a-f]{64}", found.sha256)
    assert found.key_names == {"key1", "vault"}
    config.unlink()
    gone = look(layout, files).encryption
    assert gone is not None
    assert (gone.present, gone.readable) == (False, False)


def test_what_starts_kubelet_by_itself_is_found(layout: NodeLayout) -> None:
    program(
        layout.root,
        "systemctl",
        """case $1 in
  is-active) shift; for U in "$@"; do
    case $U in monit) echo active ;; puppet) echo activating ;; *) echo inactive ;; esac; done ;;
  show) printf 'UpheldBy=heal.service\\nTriggeredBy=kubelet.timer\\nWantedBy=x.target\\n' ;;
esac""",
    )
    cron = layout.root / "cron.d"
    cron.mkdir()
    (cron / "heal").write_text(
        "* * * * * root systemctl -q is-active kubelet || service kubelet start\n"
    )
    (cron / "backup").write_text("0 0 * * * root etcdctl snapshot save x # systemctl start etcd\n")
    (cron / "kubelet.service").write_text("ExecStart=systemctl start kubelet\n")
    script = (
        "set -eu\n"
        + SURROUNDINGS_SH
        + surroundings_script(str(layout.admin_kubeconfig), [str(layout.work)], [str(cron)])
    )
    ended = subprocess.run(
        ["sh", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={"PATH": f"{layout.root}/bin:{SYSTEM}"},
    )
    found = read_surroundings(ended.stdout)
    assert found.active_units == ("monit", "puppet")
    assert found.units_known
    assert found.kubelet_started_by == ("heal.service", "kubelet.timer")
    assert found.schedules == (str(cron / "heal"),)
    assert found.has_admin_kubeconfig
    assert found.os_id
    assert not found.read_only
