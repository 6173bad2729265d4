"""What one node says of itself before anything is known about it: names, places, certificates.

One script that changes nothing. Private parts of the administrator's kubeconfig stay on the node.
"""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recovery.cluster.facts import EtcdManifest
from recovery.cluster.manifest import read_manifest
from recovery.cluster.node_probe import api_server_endpoint
from recovery.cluster.sections import SECTION_SH, fresh_marker, read_sections
from recovery.errors import ManifestError, NotRootError, ScriptError
from recovery.inventory import wording
from recovery.inventory.model import Node, NodePaths
from recovery.ssh.script import script

if TYPE_CHECKING:
    from recovery.ssh.session import NodeSession

SECONDS = 30.0

_SURVEY = rf"""
{SECTION_SH}
say() {{ printf '%s=%s\n' "$1" "$2"; }}

# Where Kubernetes keeps its files: the usual place, or the one that KUBECONFIG points into.
KUBERNETES=/etc/kubernetes
if [ ! -d "$KUBERNETES" ] && [ -f "${{KUBECONFIG:-}}" ]; then
  KUBERNETES=$(dirname "$KUBECONFIG")
fi
MANIFESTS=$KUBERNETES/manifests
# Where kubelet itself says that static pods lie elsewhere.
if [ ! -f "$MANIFESTS/etcd.yaml" ] && [ -f /var/lib/kubelet/config.yaml ]; then
  NAMED=$(sed -n 's/^staticPodPath: *//p' /var/lib/kubelet/config.yaml | tr -d "\"'")
  if [ -f "$NAMED/etcd.yaml" ]; then MANIFESTS=$NAMED; fi
fi

section facts
say hostname "$(hostname 2> /dev/null || uname -n)"
say uid "$(id -u)"
say user "$(id -un)"
say home "${{HOME:-}}"
say kubernetes "$KUBERNETES"
say manifests "$MANIFESTS"
if command -v sudo > /dev/null && sudo -n true 2> /dev/null; then say sudo yes; fi
if [ -e "$MANIFESTS/etcd.yaml" ] && [ ! -r "$MANIFESTS/etcd.yaml" ]; then say locked yes; fi
if [ -d "$MANIFESTS" ] && [ ! -x "$MANIFESTS" ]; then say locked yes; fi

section manifest
if [ -r "$MANIFESTS/etcd.yaml" ]; then cat "$MANIFESTS/etcd.yaml"; fi
section api-server
if [ -r "$MANIFESTS/kube-apiserver.yaml" ]; then cat "$MANIFESTS/kube-apiserver.yaml"; fi
section kubeconfig
# Only the cluster's name; keys stay here.
ADMIN=$KUBERNETES/admin.conf
if [ -r "$ADMIN" ]; then sed -n 's/^current-context: *//p' "$ADMIN"; fi
section runtime
if command -v crictl > /dev/null; then timeout 10 crictl info 2> /dev/null || true; fi
section end
"""


@dataclass(frozen=True, slots=True)
class NodeSurvey:
    """A node as it sees itself; `node` has the paths that were found there."""

    node: Node
    hostname: str
    manifest: EtcdManifest | None
    manifest_error: str | None
    """Why there is no manifest."""
    has_api_server: bool
    api_server_port: int
    api_server_address: str | None
    cluster_name: str
    """As the administrator's kubeconfig has it; empty where nobody knows."""

    @property
    def is_control_plane(self) -> bool:
        """Whether anything of a control plane lies there."""
        return self.manifest is not None or self.has_api_server


async def survey_node(session: NodeSession) -> NodeSurvey:
    """Ask one node. Raises NodeError: unreachable, refused, or without the rights to read."""
    marker = fresh_marker()
    result = await session.run(script(_SURVEY, marker=marker), timeout=SECONDS)
    return read_survey(session.node, result.stdout, marker, result.stderr)


def read_survey(node: Node, output: str, marker: str, errors: str = "") -> NodeSurvey:
    """The script's answer. Raises ScriptError where it breaks off, NotRootError where the
    login may not read what it must."""
    sections = {section.name: section.text for section in read_sections(output, marker)}
    if "end" not in sections:
        raise ScriptError(
            "the node did not answer in full",
            where=node.name,
            remedy="log in by hand and see what its shell says",
            detail=errors[-2000:],
        )
    pairs = (line.partition("=") for line in sections["facts"].splitlines())
    said = {name: value.strip() for name, equals, value in pairs if equals}
    if said.get("uid") != "0":
        raise _not_root(node, said)
    paths = _paths(said, node, sections["runtime"])
    manifest, why = _manifest(paths, sections["manifest"])
    if manifest is not None:
        paths = replace(
            paths,
            data_dir=manifest.data_dir,
            pki=posixpath.dirname(manifest.trusted_ca_file) or paths.pki,
        )
    port, address = api_server_endpoint(sections["api-server"])
    return NodeSurvey(
        node=replace(node, paths=paths),
        hostname=said.get("hostname", ""),
        manifest=manifest,
        manifest_error=why,
        has_api_server=bool(sections["api-server"].strip()),
        api_server_port=port,
        api_server_address=address,
        cluster_name=sections["kubeconfig"].strip().rpartition("@")[2],
    )


def _not_root(node: Node, said: dict[str, str]) -> NotRootError:
    user = said.get("user", "this user")
    if "sudo" in said:
        remedy = "sudo works there without a password: say so (--sudo, or ssh.sudo: true)"
    else:
        remedy = (
            f"log in as root, or let {user} use sudo without a password there "
            f"({user} ALL=(ALL) NOPASSWD: ALL in a file of /etc/sudoers.d) and say so "
            "(--sudo, or ssh.sudo: true)"
        )
    error = NotRootError(
        f"the login of {user!r} works, but it is not root: etcd's files cannot be read",
        where=node.name,
        remedy=remedy,
    )
    error.sudo_works = "sudo" in said
    return error


def _manifest(paths: NodePaths, text: str) -> tuple[EtcdManifest | None, str | None]:
    if not text.strip():
        return None, f"{paths.etcd_manifest} is missing"
    try:
        return read_manifest(paths.etcd_manifest, text.rstrip("\n") + "\n", "", ""), None
    except ManifestError as error:
        return None, f"{paths.etcd_manifest} is not understood: {error.what}"


def _paths(said: dict[str, str], node: Node, runtime: str) -> NodePaths:
    usual = node.paths
    kubernetes = _path(said.get("kubernetes", ""), usual.kubernetes)
    work = usual.work
    home = said.get("home", "")
    # With sudo it may be the home of whoever logged in, who could then change what lies there.
    if not node.ssh.sudo and home not in ("", "/", "/root"):
        work = _path(f"{home}/etcd-rescue", usual.work)
    return replace(
        usual,
        kubernetes=kubernetes,
        manifests=_path(said.get("manifests", ""), f"{kubernetes}/manifests"),
        pki=f"{kubernetes}/pki/etcd",
        containerd=_path(_containerd(runtime), usual.containerd),
        work=work,
    )


def _containerd(runtime: str) -> str:
    """containerd's own directory, as `crictl info` has it; empty where it does not say."""
    try:
        told = json.loads(runtime)
    except (ValueError, RecursionError):
        return ""
    config = told.get("config") if isinstance(told, dict) else None
    found = config.get("containerdRootDir") if isinstance(config, dict) else None
    return found if isinstance(found, str) else ""


def _path(text: str, otherwise: str) -> str:
    return posixpath.normpath(text) if text and wording.node_path(text) is None else otherwise
