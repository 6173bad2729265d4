"""What a plan knows of one control-plane node: its paths, its member, its tool, where things go."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from recovery.cluster.facts import EtcdManifest, EtcdTool
from recovery.inventory.model import Node


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """The restore program for one node: its own, or one carried from another node."""

    tool: EtcdTool
    carried_from: str | None = None


@dataclass(frozen=True, slots=True)
class NodeGround:
    """One control-plane node as the steps see it. All paths are the node's own."""

    node: Node
    manifest: EtcdManifest
    manifest_after: str
    data_dir: str
    owner: str
    """`uid:gid` that the data directory has."""
    mode: str
    data_is_mount: bool
    selinux: bool
    tool: ToolChoice
    run_id: str

    @property
    def name(self) -> str:
        """The node's name, which is the member's name."""
        return self.node.name

    @property
    def run_dir(self) -> str:
        """The run's directory: the staged snapshot, the tool, the copy of the configuration."""
        return posixpath.join(self.node.paths.work, self.run_id)

    @property
    def staging(self) -> str:
        """The run's directory on the data directory's own filesystem, so that moves are renames.

        Inside the data directory where that is a mount of its own (etcd tolerates other names
        there: server/etcdmain, `identifyDataDirOrDie` only warns), beside it otherwise.
        """
        parent = self.data_dir if self.data_is_mount else posixpath.dirname(self.data_dir)
        return posixpath.join(parent, f".etcd-rescue-{self.run_id}")

    @property
    def restored(self) -> str:
        """Where the restored member waits."""
        return posixpath.join(self.staging, "restored")

    @property
    def placed(self) -> str:
        """The mark that says that the restored member was, or is about to be, put in place."""
        return posixpath.join(self.staging, "placed")

    @property
    def started(self) -> str:
        """The mark that says that kubelet was told to start the restored member."""
        return posixpath.join(self.staging, "started")

    @property
    def kubelet_before(self) -> str:
        """The file that says what kubelet was before this run stopped it: `on` or `off`."""
        return posixpath.join(self.staging, "kubelet-before")

    @property
    def back(self) -> str:
        """The mark that says that the old data is back after a rollback."""
        return posixpath.join(self.staging, "back")

    @property
    def aside(self) -> str:
        """Where the old data is kept."""
        return posixpath.join(self.staging, "aside")

    @property
    def listing(self) -> str:
        """The old data's files as they were set aside: size, inode, time, name."""
        return posixpath.join(self.staging, "aside.list")

    @property
    def snapshot(self) -> str:
        """The staged snapshot."""
        return posixpath.join(self.run_dir, "snapshot.db")

    @property
    def tool_path(self) -> str:
        """The staged restore program."""
        return posixpath.join(self.run_dir, "bin", self.tool.tool.kind.value)

    @property
    def member(self) -> str:
        """The member's directory inside the data directory."""
        return posixpath.join(self.data_dir, "member")

    @property
    def client_url(self) -> str:
        """Where clients reach this one; the manifest always says where it listens."""
        return (*self.manifest.advertise_client_urls, *self.manifest.listen_client_urls)[0]

    @property
    def peer_urls(self) -> tuple[str, ...]:
        """Where the other members reach this one."""
        return self.manifest.initial_advertise_peer_urls
