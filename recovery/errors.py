"""The errors of etcd-rescue: each says what happened, where, and what to do next."""

from __future__ import annotations

from pathlib import Path


class RescueError(Exception):
    """Something that a person has to know about.

    `what` is one sentence that names the thing; `where` is a node, file, URL or command;
    `remedy` is the next step; `detail` is raw output, shown on request only.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", detail: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy
        self.detail = detail

    def __str__(self) -> str:
        """One line: where, what and the remedy, without the raw detail."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} → {self.remedy}" if self.remedy else text


class UsageError(RescueError):
    """Wrong use of a command: an argument that is none, a reference that fits nothing. Exit 2."""


class InventoryError(UsageError):
    """The inventory cannot be used; `where` names file and line. Exit 2."""


class RefusedError(RescueError):
    """etcd-rescue declines to go on: preflight failed, or consent is missing. Exit 3."""


class TakenOverError(RescueError):
    """Somebody else has taken the cluster over while a run was under way."""


class NodeError(RescueError):
    """Something about one node; `where` is the node's name."""


class NodeUnreachableError(NodeError):
    """No SSH session: refused, silent, unresolvable, or lost in the middle."""


class HungUpError(NodeUnreachableError):
    """The node, or something on the way to it, ended the connection before the login."""


class HostKeyError(NodeUnreachableError):
    """The node's host key is unknown (the remedy says how to accept it) or has changed."""


class UnknownHostKeyError(HostKeyError):
    """Nobody has seen this host's key before, so a person who compares it may accept it.

    `host` is as known_hosts files name it, `fingerprint` as ssh-keygen -l prints it, `line` is
    what would have to stand in `file`.
    """

    host: str = ""
    fingerprint: str = ""
    line: str = ""
    file: Path = Path()


class LoginRefusedError(NodeUnreachableError):
    """The node answers and refuses the login, or sudo asks for a password."""


class NotRootError(LoginRefusedError):
    """The login works, but not as root; `sudo_works` tells whether sudo would need no password."""

    sudo_works: bool = False


class ScriptError(NodeError):
    """A script on a node ended badly, or nobody knows how it ended (`exit_status` is None)."""

    exit_status: int | None = None


class TransferError(NodeError):
    """A file did not arrive whole; nothing carries its final name."""


class ManifestError(NodeError):
    """A static pod manifest is missing, not understood, or not to be edited; `where`: its path."""


class SnapshotError(RescueError):
    """A file is no usable snapshot; `what` says why, `where` which file."""


class StoreError(RescueError):
    """A store of backups (a node's directory, a bucket) cannot be read or written."""


class UnreadError(StoreError):
    """Nobody could read a snapshot to its end here, which says nothing about the snapshot."""


class DiskError(StoreError):
    """This machine cannot keep a file, whatever is in it; no other copy of it would fare better."""


class ConfigurationError(RescueError):
    """An EtcdBackupConfiguration, or a part of one, is not valid."""


class EtcdError(RescueError):
    """A member does not answer, or answers with an error; `where` names the member."""


class KubernetesError(RescueError):
    """An API server does not answer, or refuses."""


class RehearsalError(RescueError):
    """The rehearsal cluster cannot be made on this machine."""
