"""Where things lie on a rehearsal node: a directory tree shaped like a kubeadm host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CLUSTER_NAME = "demo"
"""As kubeadm's clusterName has it."""

_SNAPSHOTTER = "io.containerd.snapshotter.v1.overlayfs/snapshots/42/fs/usr/local/bin"


@dataclass(frozen=True, slots=True)
class NodeLayout:
    """A node's tree below `root`; `address` is its own loopback address."""

    root: Path
    name: str
    address: str
    worker: bool = False

    @property
    def kubernetes(self) -> Path:
        """/etc/kubernetes."""
        return self.root / "etc/kubernetes"

    @property
    def manifests(self) -> Path:
        """The static pods."""
        return self.kubernetes / "manifests"

    @property
    def pki(self) -> Path:
        """The cluster's certificates; etcd's are in `etcd` below."""
        return self.kubernetes / "pki"

    @property
    def admin_kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.kubernetes / "admin.conf"

    @property
    def data_dir(self) -> Path:
        """etcd's data directory."""
        return self.root / "var/lib/etcd"

    @property
    def containerd(self) -> Path:
        """Where images are unpacked."""
        return self.root / "var/lib/containerd"

    @property
    def image_programs(self) -> Path:
        """The programs inside the unpacked etcd image."""
        return self.containerd / _SNAPSHOTTER

    @property
    def backups(self) -> Path:
        """The local backup directory."""
        return self.root / "cpaas/backup"

    @property
    def home(self) -> Path:
        """root's home directory."""
        return self.root / "root"

    @property
    def work(self) -> Path:
        """Where etcd-rescue may keep its runs."""
        return self.home / "etcd-rescue"

    @property
    def commands(self) -> Path:
        """The node's own systemctl, crictl, kubectl, hostname."""
        return self.root / "usr/bin"

    @property
    def fault_command(self) -> Path:
        """The command that gives this node a fault; not on its PATH."""
        return self.root / "fault"

    @property
    def logs(self) -> Path:
        """Output of containers."""
        return self.root / "var/log/pods"

    @property
    def pods(self) -> Path:
        """The pods that its runtime lists beside the containers that really run."""
        return self.root / "var/lib/kubelet/listed-pods.json"

    def create(self) -> None:
        """Make the directories that a freshly installed node has."""
        plain = [self.commands, self.logs, self.home]
        if not self.worker:
            plain += [self.manifests, self.pki / "etcd", self.image_programs, self.backups]
        for directory in plain:
            directory.mkdir(parents=True, exist_ok=True)
        if not self.worker:
            self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
