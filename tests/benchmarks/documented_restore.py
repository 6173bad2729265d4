"""The platform's documented restore as a script that never pauses: what etcd-rescue is held to.

Its six steps with its own commands. Where the text says "on all control plane nodes", all do it
at once, which is kinder than an engineer who goes from one to the next; what it has the first node
do, the first node does, one thing after another. Three things are put right, as it could not be
timed to its end otherwise: the backup is unpacked, the level `member/` is kept, and containers are
named exactly.
"""

from __future__ import annotations

import getpass
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from recovery.inventory.model import Node
from tests.ssh.servers import Account, OpenSshServer

_SECONDS = 900

_BACK_UP_AND_EMPTY = r"""
BACKUP=$ROOT/backup_$STAMP
mkdir -p "$BACKUP/old-etcd"
systemctl stop kubelet
cp "$(find "$CONTAINERD" -name etcdctl | tail -1)" "$ROOT/etcdctl"
for ID in $(crictl ps -a -q --name '^etcd$'); do crictl rm -f "$ID"; done
cp -r "$DATA_DIR/." "$BACKUP/old-etcd/"
cp -r "$KUBERNETES" "$BACKUP/"
rm -rf "$DATA_DIR"/*
MANIFEST=$KUBERNETES/manifests/etcd.yaml
if grep -q -e --initial-cluster-state= "$MANIFEST"; then
  sed -i 's/--initial-cluster-state=.*/--initial-cluster-state=existing/' "$MANIFEST"
else
  sed -i 's/^\( *\)- --initial-cluster=.*/&\n\1- --initial-cluster-state=existing/' "$MANIFEST"
fi
"""

_COPY_SNAPSHOT = """
mkdir -p "$ROOT/tmp"
tar -xOf "$BACKUP_FILE" snapshot.db > "$ROOT/tmp/snapshot.db"
"""

_RESTORE_THREE = """
for MEMBER in $MEMBERS; do
  NAME=${MEMBER%%=*}
  ETCDCTL_API=3 "$ROOT/etcdctl" snapshot restore "$ROOT/tmp/snapshot.db" \\
    --skip-hash-check=true --name "$NAME" --data-dir "$ROOT/etcd_$NAME" \\
    --initial-cluster "$CLUSTER" --initial-advertise-peer-urls "${MEMBER#*=}"
done
"""

_SEND = """
scp -q -r -F none -i "$KEY" -o UserKnownHostsFile="$KNOWN_HOSTS" -P "$PORT" \\
  "$ROOT/etcd_$NAME" "$TARGET"
"""

_PUT_IN_PLACE = """
cp -r "$ROOT/etcd_$NAME"/* "$DATA_DIR/"
"""

_RESTART = """
for NAME in kube-apiserver kube-scheduler kube-controller-manager; do
  for ID in $(crictl ps -a -q --name "^$NAME\\$"); do crictl rm -f "$ID"; done
done
systemctl restart kubelet
"""

_SEE_HEALTH = """
until ETCDCTL_API=3 "$ROOT/etcdctl" --endpoints "$ENDPOINTS" --cacert "$PKI/ca.crt" \\
  --cert "$PKI/server.crt" --key "$PKI/server.key" endpoint health > /dev/null 2>&1; do
  sleep 1
done
until kubectl get pods --namespace kube-system > /dev/null 2>&1; do sleep 1; done
"""

_RESTART_KUBELET = """
systemctl restart kubelet
"""


@dataclass
class DocumentedRestore:
    """The procedure on these nodes, over their SSH.

    `copies` is an SSH server of this machine that takes the files that `scp` sends.
    """

    control_plane: Sequence[Node]
    workers: Sequence[Node]
    account: Account
    copies: OpenSshServer
    stopped_at: float = 0.0
    """When the first kubelet was told to stop (`time.monotonic`)."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each step took."""

    def run(self, backup: Path, stamp: str) -> None:
        """All six steps, to the end of the last; RuntimeError where a command fails."""
        first, *others = self.control_plane
        peers = {node.name: f"https://{node.host}:2380" for node in self.control_plane}
        members = [f"{name}={url}" for name, url in peers.items()]
        endpoints = ",".join(f"https://{node.host}:2379" for node in self.control_plane)
        self.stopped_at = time.monotonic()
        self._step("1 copy and empty", _BACK_UP_AND_EMPTY, self.control_plane, STAMP=stamp)
        self._step("2 snapshot", _COPY_SNAPSHOT, [first], BACKUP_FILE=str(backup))
        self._step(
            "3 restore three times",
            _RESTORE_THREE,
            [first],
            MEMBERS=" ".join(members),
            CLUSTER=",".join(members),
        )
        for node in others:
            self._step(
                f"4 send to {node.name}",
                _SEND,
                [first],
                NAME=node.name,
                KEY=str(self.account.identity),
                KNOWN_HOSTS=str(self.account.known_hosts),
                PORT=str(self.copies.port),
                TARGET=f"{getpass.getuser()}@{self.copies.host}:{_home(node)}/",
            )
        self._step("4 put in place", _PUT_IN_PLACE, self.control_plane)
        self._step("5 restart", _RESTART, self.control_plane)
        self._step("6 see health", _SEE_HEALTH, [first], ENDPOINTS=endpoints)
        everyone = [*self.control_plane, *self.workers]
        self._step("6 restart kubelets", _RESTART_KUBELET, everyone)

    def _step(self, title: str, script: str, nodes: Sequence[Node], **values: str) -> None:
        begun = time.monotonic()
        with ThreadPoolExecutor(len(nodes)) as threads:
            for _ in threads.map(lambda node: _on(node, script, values), nodes):
                pass
        self.seconds[title] = time.monotonic() - begun


def _on(node: Node, script: str, values: Mapping[str, str]) -> None:
    """Run a script on a node as an engineer does, by `ssh`."""
    every = {
        "NAME": node.name,
        "ROOT": str(_home(node)),
        "DATA_DIR": node.paths.data_dir,
        "KUBERNETES": node.paths.kubernetes,
        "CONTAINERD": node.paths.containerd,
        "PKI": node.paths.pki,
        **values,
    }
    lines = [f"{name}={shlex.quote(value)}" for name, value in every.items()]
    ssh = node.ssh
    ran = subprocess.run(
        [
            *("ssh", "-q", "-F", "none", "-o", "BatchMode=yes", "-i", str(ssh.identity_file)),
            *("-o", f"UserKnownHostsFile={ssh.known_hosts_file}", "-p", str(ssh.port)),
            *(f"{ssh.user}@{node.host}", "sh -s"),
        ],
        input="\n".join(["set -eu", *lines, script]),
        text=True,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    if ran.returncode != 0:
        raise RuntimeError(f"{node.name}: status {ran.returncode}\n{script}\n{ran.stderr}")


def _home(node: Node) -> Path:
    """root's home directory in the tree of a rehearsal node."""
    return Path(node.paths.work).parent
