"""What the engine does from the bastion, as scripts that a person runs on a node instead.

The engine runs none of these: it asks members through tunnels, and carries files itself.
"""

from __future__ import annotations

import posixpath

from recovery.cluster.pod_command import read_pod_command
from recovery.errors import ManifestError
from recovery.restore.ground import NodeGround
from recovery.restore.plan import RestoreSource
from recovery.restore.script import RUNTIME_ENDPOINT, node_script
from recovery.ssh.partial_scripts import unwrap_commands

_ASK = """
# etcd's own client, in etcd's own container: the node itself has none.
ask() {
  ID=$(crictl ps -q --name '^etcd$' --label io.kubernetes.pod.namespace=kube-system | head -n 1)
  [ -n "$ID" ] || { echo "no etcd is running here"; return 1; }
  crictl exec "$ID" etcdctl --endpoints "$ENDPOINT" @FILES@"$@"
}
"""

_UNPACK = """
umask 077
sum() { sha256sum "$1" | cut -d ' ' -f 1; }
if [ -f "$SNAPSHOT" ] && [ "$(sum "$SNAPSHOT")" = "$SHA256" ]; then
  echo "the snapshot is there already"
  exit 0
fi
# etcd-rescue takes the shortest way to these bytes: a copy on the node, S3, or its own machine.
# By hand: this node's own copy. Where there is none, bring one here first, with scp.
[ -f "$BACKUP" ] || stop "$BACKUP is not here; bring it there, from $ORIGIN"
@PIPE@ > "$SNAPSHOT.partial"
[ "$(sum "$SNAPSHOT.partial")" = "$SHA256" ] || stop "$BACKUP does not hold the planned snapshot"
mv "$SNAPSHOT.partial" "$SNAPSHOT"
echo "arrived whole, sha256 $SHA256"
"""


def ask_member(ground: NodeGround, body: str, **values: str) -> str:
    """A script in which `ask` is etcdctl at this node's member."""
    files = _certificates(ground)
    given = "".join(f'--{flag} "${flag.upper()}" ' for flag in files)
    return node_script(
        RUNTIME_ENDPOINT + _ASK.replace("@FILES@", given) + body,
        endpoint=ground.client_url,
        **files,
        **values,
    )


def bring_snapshot(ground: NodeGround, source: RestoreSource) -> str:
    """A script that takes the backup on this node out of its wrappings, and compares it."""
    pipe = " | ".join(('cat "$BACKUP"', *unwrap_commands(source.wrappings)))
    return node_script(
        _UNPACK.replace("@PIPE@", pipe),
        backup=_backup_on(ground, source),
        origin=source.location,
        snapshot=ground.snapshot,
        sha256=source.sha256,
    )


def _backup_on(ground: NodeGround, source: RestoreSource) -> str:
    """Where the backup lies on this node, as far as can be known, or is to be brought to."""
    node, _, path = source.location.partition(":")
    on_node = path.startswith("/") and not path.startswith("//")
    if on_node and (node == ground.name or source.member is None):
        backups = ground.node.paths.backups
        if node == ground.name or backups is None:
            return path
        return posixpath.join(backups, posixpath.basename(path))
    return posixpath.join(ground.run_dir, "brought")


def _certificates(ground: NodeGround) -> dict[str, str]:
    """By etcdctl's option; as the container sees them, which is where it runs."""
    manifest = ground.manifest
    flags = {"cacert": "trusted-ca-file", "cert": "cert-file", "key": "key-file"}
    try:
        command = read_pod_command(manifest.text, "etcd", manifest.path)
    except ManifestError:
        return {
            "cacert": manifest.trusted_ca_file,
            "cert": manifest.cert_file,
            "key": manifest.key_file,
        }
    found = {option: command.value(flag) for option, flag in flags.items()}
    return {option: path for option, path in found.items() if path}
