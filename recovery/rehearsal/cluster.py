"""The rehearsal cluster, put together: three control-plane nodes, a worker, S3, backups."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import yaml

from recovery.rehearsal import backup_history, kubernetes_keys, object_store
from recovery.rehearsal.addresses import common_free_port, free_port, free_subnet
from recovery.rehearsal.breaking import Breakage, Ground, break_cluster
from recovery.rehearsal.etcd_binaries import EtcdBinaries
from recovery.rehearsal.manifests import write_manifests
from recovery.rehearsal.node import backup_on_demand
from recovery.rehearsal.node.layout import CLUSTER_NAME, NodeLayout
from recovery.rehearsal.node.listed_pods import write_pods
from recovery.rehearsal.node.processes import MARKER
from recovery.rehearsal.node.simulated_node import SimulatedNode
from recovery.rehearsal.node.stored_objects import encode_builtin
from recovery.rehearsal.node_power import NodePower
from recovery.rehearsal.object_store import ObjectStore
from recovery.rehearsal.pki import (
    make_authorities,
    write_admin_kubeconfig,
    write_control_plane_pki,
)
from recovery.rehearsal.seeding import scratch_etcd
from recovery.rehearsal.ssh_servers import NodeSshServer, make_client_key
from recovery.rehearsal.waiting import wait_for_member, wait_for_port

NAME = CLUSTER_NAME
_CHANGES_BETWEEN_BACKUPS = 120
_CHANGES_SINCE = 300

Phase = Callable[[str], None]


class RehearsalCluster:
    """Everything below one directory. `start` once, `stop` as often as wanted."""

    def __init__(self, directory: Path, binaries: EtcdBinaries) -> None:
        self.directory = directory
        self.binaries = binaries
        self.inventory_path = directory / "inventory.yaml"
        self.timings: dict[str, float] = {}
        self._authorities = make_authorities()
        subnet = free_subnet()
        self.layouts = [
            NodeLayout(directory / "nodes" / f"etcd-{n}", f"etcd-{n}", f"{subnet}.1{n}")
            for n in (1, 2, 3)
        ]
        worker = NodeLayout(directory / "nodes/worker-1", "worker-1", f"{subnet}.21", worker=True)
        self.layouts.append(worker)
        self._environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(directory),
            MARKER: str(directory),
        }
        self.store = ObjectStore(
            f"{subnet}.31", free_port(f"{subnet}.31"), directory / "s3.log", self._environment
        )
        programs = {"etcd": (str(binaries.etcd),), "etcdctl": (str(binaries.etcdctl),)}
        if binaries.etcdutl:
            programs["etcdutl"] = (str(binaries.etcdutl),)
        servers = [f"https://{layout.address}:6443" for layout in self.control_plane]
        self.nodes = [
            SimulatedNode(layout, programs, cluster=directory, api_servers=servers)
            for layout in self.layouts
        ]
        key = directory / "client_key"
        port = common_free_port([node.layout.address for node in self.nodes])
        self.ssh = [NodeSshServer(node, port, key) for node in self.nodes]
        for node, server in zip(self.nodes, self.ssh, strict=True):
            node.power = NodePower(node, server)

    @property
    def control_plane(self) -> list[NodeLayout]:
        """The layouts of etcd-1, etcd-2, etcd-3."""
        return [layout for layout in self.layouts if not layout.worker]

    async def start(self, way: Breakage, phase: Phase) -> None:
        """Make, seed, start and break it; `phase` hears what happens now."""
        await self.store.start()
        await self._timed(phase, "making certificates", self._make_nodes)
        await self._timed(phase, "filling etcd and taking backups", self._seed)
        await self._timed(phase, "starting three members", self._start_nodes)
        await self._timed(phase, "breaking the cluster", lambda: self.break_it(way))
        self._write_inventory()

    async def stop(self) -> None:
        """Stop every node and server."""
        for server in self.ssh:
            await server.stop_listening()
            server.cut()
        await asyncio.gather(*(node.stop() for node in self.nodes))
        await self.store.stop()

    async def _timed(self, phase: Phase, what: str, work: Callable[[], object]) -> None:
        phase(what)
        started = time.monotonic()
        result = work()
        if asyncio.iscoroutine(result):
            await result
        self.timings[what] = round(time.monotonic() - started, 2)

    def _make_nodes(self) -> None:
        make_client_key(self.directory / "client_key")
        authorities = self._authorities
        programs = self._copy_programs()
        for layout in self.layouts:
            layout.create()
            if layout.worker:
                first = self.control_plane[0].address
                write_admin_kubeconfig(layout, authorities, first)
                write_pods(layout.pods, kubernetes_keys.pods_on_workers(self.layouts))
        for number, layout in enumerate(self.control_plane, 1):
            write_control_plane_pki(layout, authorities)
            write_manifests(layout, self.control_plane[:number], self.binaries.version)
            for program in programs:
                (layout.image_programs / program.name).hardlink_to(program)

    def _copy_programs(self) -> list[Path]:
        # Copies: a link to an installed program would let a node change the installation.
        directory = self.directory / "etcd-image"
        directory.mkdir()
        found = (self.binaries.etcd, self.binaries.etcdctl, self.binaries.etcdutl)
        return [Path(shutil.copy2(path, directory / path.name)) for path in found if path]

    async def _seed(self) -> None:
        first = self.control_plane[0]
        scratch_dir = self.directory / "scratch"
        scratch_dir.mkdir()
        backups = backup_history.planned_backups(datetime.now(UTC), first.address)
        files: dict[str, bytes] = {}
        async with scratch_etcd(
            self.binaries, self.control_plane, scratch_dir, self._environment
        ) as scratch:
            authority = (first.pki / "ca.crt").read_text()
            await scratch.put(kubernetes_keys.first_keys(self.layouts, authority))
            await scratch.put(self._backup_keys(backups))
            for number, backup in enumerate(backups, 1):
                await scratch.put(kubernetes_keys.changes(number, _CHANGES_BETWEEN_BACKUPS))
                if backup.fault is backup_history.Fault.NOT_TAKEN:
                    continue
                saved = scratch_dir / f"{number}.db"
                await scratch.save(saved)
                files[backup.file_name] = backup_history.backup_file(saved.read_bytes(), backup)
            await scratch.put(kubernetes_keys.changes(90, _CHANGES_SINCE))
        stamps = {backup.file_name: backup.at.timestamp() for backup in backups}
        for layout in self.control_plane:
            for name, content in files.items():
                path = layout.backups / name
                path.touch(mode=0o600)
                path.write_bytes(content)
                os.utime(path, (stamps[name], stamps[name]))
        await self.store.fill(files)
        shutil.rmtree(scratch_dir)

    def _backup_keys(
        self, backups: tuple[backup_history.PlannedBackup, ...]
    ) -> list[kubernetes_keys.Pair]:
        body = {
            "kind": "Secret",
            "apiVersion": "v1",
            "metadata": {"name": "etcd-backup-s3-secret", "namespace": "cpaas-system"},
            "data": {
                "ACCESS_KEY": _base64(object_store.ACCESS_KEY),
                "SECRET_KEY": _base64(object_store.SECRET_KEY),
            },
        }
        configuration = backup_history.configuration(
            backups,
            self.store.endpoint,
            object_store.BUCKET,
            object_store.DIRECTORY,
            "/cpaas/backup",
        )
        group = "/registry/enhancement.cluster.alauda.io/etcdbackupconfigurations"
        role = {
            "kind": "ClusterRole",
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "metadata": {"name": backup_on_demand.ROLE},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
        }
        return [
            (f"{group}/etcd-backup-default", configuration),
            (
                backup_on_demand.ROLE_KEY,
                encode_builtin("rbac.authorization.k8s.io/v1", "ClusterRole", role),
            ),
            (
                "/registry/secrets/cpaas-system/etcd-backup-s3-secret",
                encode_builtin("v1", "Secret", body),
            ),
        ]

    async def _start_nodes(self) -> None:
        for server in self.ssh:
            await server.listen()
        for node in self.nodes:
            await node.start()
            # One after another: with kubeadm's initial corruption check a member asks the others
            # for their hash before it answers them, so all at once they wait 7 s for each peer.
            if not node.layout.worker:
                await wait_for_port(node.layout, 2381, "etcd")
        for layout in self.control_plane:
            await wait_for_member(layout)
        for layout in self.control_plane:
            await wait_for_port(layout, 6443, "the API server")

    async def break_it(self, way: Breakage) -> None:
        """Break it in this way, for real."""
        nodes = tuple(self.nodes[: len(self.control_plane)])
        ground = Ground(nodes, self.binaries, self._authorities, self._environment)
        await break_cluster(ground, way)

    def _write_inventory(self) -> None:
        known_hosts = self.directory / "known_hosts"
        known_hosts.write_text("".join(server.known_hosts_line for server in self.ssh))
        credentials = self.directory / "aws-credentials"
        credentials.touch(mode=0o600)
        credentials.write_text(
            f"[{NAME}]\naws_access_key_id = {object_store.ACCESS_KEY}\n"
            f"aws_secret_access_key = {object_store.SECRET_KEY}\n"
        )
        entries = [_entry(server) for server in self.ssh]
        cluster: dict[str, object] = {
            "name": NAME,
            "controlPlane": [e for e, s in zip(entries, self.ssh, strict=True) if not _worker(s)],
            "workers": [e for e, s in zip(entries, self.ssh, strict=True) if _worker(s)],
            "ssh": {
                "user": "root",
                "identityFile": str(self.directory / "client_key"),
                "knownHostsFile": str(known_hosts),
            },
            "backup": {
                "schedule": backup_history.SCHEDULE,
                "paused": False,
                "localStorage": {
                    "path": "/cpaas/backup",
                    "ttl": str(backup_history.TTL_SECONDS),
                },
                "remoteStorage": {
                    "s3": {
                        "endpoint": self.store.endpoint,
                        "region": object_store.REGION,
                        "bucket": object_store.BUCKET,
                        "dir": object_store.DIRECTORY,
                        "skipTLSVerify": False,
                        "secretRef": "etcd-backup-s3-secret",
                    }
                },
            },
            "s3Credentials": {"profile": NAME, "file": str(credentials)},
        }
        text = yaml.safe_dump({"clusters": [cluster]}, sort_keys=False)
        self.inventory_path.write_text(text)


def _worker(server: NodeSshServer) -> bool:
    return server.node.layout.worker


def _entry(server: NodeSshServer) -> dict[str, object]:
    layout = server.node.layout
    return {
        "name": layout.name,
        "host": layout.address,
        "ssh": {"port": server.port},
        "paths": {
            "manifests": str(layout.manifests),
            "pki": str(layout.pki / "etcd"),
            "kubernetes": str(layout.kubernetes),
            "dataDir": str(layout.data_dir),
            "containerd": str(layout.containerd),
            "work": str(layout.work),
            "backups": str(layout.backups),
        },
    }


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
