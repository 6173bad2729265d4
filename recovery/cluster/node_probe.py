"""One script that reads everything a node knows about itself, and its answer as facts.

It changes nothing. It needs a POSIX sh with stat, df, date and awk, as every distribution that
runs kubelet has them, busybox included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from recovery.cluster.containers import read_containers
from recovery.cluster.database_header import HEADER_BYTES, HEADER_SH, PAGE, database_fault
from recovery.cluster.facts import Container, DataDirFacts, ServiceState
from recovery.cluster.pod_command import read_pod_command
from recovery.cluster.sections import SECTION_SH, read_sections
from recovery.errors import ManifestError
from recovery.inventory.model import NodePaths
from recovery.ssh.script import script

API_SERVER_PORT = 6443

_PROBE = rf"""
{SECTION_SH}
say() {{ printf '%s=%s\n' "$1" "$2"; }}

# The nearest directory above a path that exists.
nearest() {{
  P=$1
  while [ ! -d "$P" ]; do P=$(dirname "$P"); done
  printf '%s\n' "$P"
}}
device() {{ stat -L -c %d "$1"; }}
free_kib() {{ df -Pk "$1" | awk 'NR == 2 {{ print $4 }}'; }}
{HEADER_SH}

HOME_DIR=${{HOME:-/root}}
section facts
say began "$(date +%s.%N)"
say hostname "$(hostname 2> /dev/null || uname -n)"
say uid "$(id -u)"
say architecture "$(uname -m)"
if command -v systemctl > /dev/null; then
  STATUS=0
  STATE=$(systemctl is-active kubelet 2> /dev/null) || STATUS=$?
  say kubelet "$STATE"
  say kubelet_status "$STATUS"
else
  say kubelet missing
fi
if command -v python3 > /dev/null; then say python3 yes; fi
if command -v getenforce > /dev/null; then say selinux "$(getenforce || true)"; fi
if [ -e "$MANIFEST" ]; then
  say manifest "$(stat -L -c '%a %u:%g' "$MANIFEST")"
else
  # Moved away to stop etcd, perhaps: this node's own one in the usual places, the newest first.
  ls -1t "$KUBERNETES"/etcd*.yaml* "$KUBERNETES"/*/etcd*.yaml* "$HOME_DIR"/etcd*.yaml* \
    "$HOME_DIR"/*/etcd.yaml /root/etcd*.yaml /tmp/etcd*.yaml 2> /dev/null | while read -r FOUND; do
    if [ -f "$FOUND" ] && grep -q -F -e "--name=$NODE" "$FOUND"; then
      say elsewhere "$FOUND"
      break
    fi
  done || true
fi

# The data directory, where it really is.
if [ -d "$DATA_DIR" ]; then
  DATA_DIR=$(cd "$DATA_DIR" && pwd -P)
  say exists yes
fi
say path "$DATA_DIR"
NEAREST=$(nearest "$DATA_DIR")
say nearest "$(stat -L -c '%a %u:%g %d' "$NEAREST")"
say free_kib "$(free_kib "$NEAREST")"
say parent_device "$(device "$(nearest "$(dirname "$DATA_DIR")")")"
awk -v dir="$DATA_DIR" '$5 == dir {{ print "mount=yes"; exit }}' /proc/self/mountinfo || true
if [ -d "$DATA_DIR/member" ]; then say member yes; fi
if [ -f "$DATA_DIR/member/snap/db" ]; then
  say first_page "$(header "$DATA_DIR/member/snap/db" 0 "$HEADER_BYTES")"
  say second_page "$(header "$DATA_DIR/member/snap/db" "$PAGE" "$HEADER_BYTES")"
  say database "$(stat -L -c '%s %Y' "$DATA_DIR/member/snap/db")"
fi
set -- "$DATA_DIR"/member/wal/*.wal
if [ -e "$1" ]; then say wal_files "$#"; fi
WORK=$(nearest "$WORK")
say work_device "$(device "$WORK")"
say work_free_kib "$(free_kib "$WORK")"

section containers
if command -v crictl > /dev/null; then
  timeout 20 crictl ps -a --label io.kubernetes.pod.namespace=kube-system -o json || true
fi
section api-server
if [ -f "$API_SERVER" ]; then cat "$API_SERVER"; fi
section end
say ended "$(date +%s.%N)"
"""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What the script found; `began` and `ended` are the node's own clock, seconds since 1970."""

    began: float
    ended: float
    hostname: str
    is_root: bool
    architecture: str
    kubelet: ServiceState
    has_python3: bool
    selinux_enforcing: bool
    manifest_mode_and_owner: tuple[str, str] | None
    """None where there is no manifest."""
    data_dir: DataDirFacts | None
    containers: tuple[Container, ...]
    containers_error: str | None
    api_server_port: int
    api_server_address: str | None
    manifest_elsewhere: str | None


def probe_script(paths: NodePaths, data_dir: str, marker: str, node: str = "") -> str:
    """The script for one node of that name; `data_dir` is the one that its manifest names."""
    return script(
        _PROBE,
        marker=marker,
        node=node,
        manifest=paths.etcd_manifest,
        data_dir=data_dir,
        work=paths.work,
        kubernetes=paths.kubernetes,
        page=PAGE,
        header_bytes=HEADER_BYTES,
        api_server=f"{paths.manifests}/kube-apiserver.yaml",
    )


def read_probe(output: str, marker: str, errors: str = "") -> ProbeAnswer:
    """The script's output as facts; `errors` is what it wrote to stderr.

    Raises ValueError where the output is not whole.
    """
    sections = {section.name: section.text for section in read_sections(output, marker)}
    if "end" not in sections:
        raise ValueError("the answer breaks off")
    said = _pairs(sections["facts"]) | _pairs(sections["end"])
    containers, containers_error = _containers(sections["containers"], errors)
    port, address = api_server_endpoint(sections["api-server"])
    mode, _, owner = said.get("manifest", "").partition(" ")
    return ProbeAnswer(
        began=_seconds(said["began"]),
        ended=_seconds(said["ended"]),
        hostname=said.get("hostname", ""),
        is_root=said.get("uid") == "0",
        architecture=said.get("architecture", ""),
        kubelet=service_state(said.get("kubelet", ""), said.get("kubelet_status", "0")),
        has_python3="python3" in said,
        selinux_enforcing=said.get("selinux") == "Enforcing",
        manifest_mode_and_owner=(mode, owner) if mode else None,
        data_dir=_data_dir(said),
        containers=containers,
        containers_error=containers_error,
        api_server_port=port,
        api_server_address=address,
        manifest_elsewhere=said.get("elsewhere") or None,
    )


def service_state(word: str, status: str = "0") -> ServiceState:
    """What `systemctl is-active` printed, and its exit status (4: there is no such unit).

    A unit that is being restarted over and over is `activating`: it does not stay up.
    """
    if word in ("active", "reloading"):
        return ServiceState.ACTIVE
    if word == "missing" or status == "4":
        return ServiceState.MISSING
    if word in ("inactive", "deactivating"):
        return ServiceState.INACTIVE
    if word in ("failed", "activating"):
        return ServiceState.FAILED
    return ServiceState.UNKNOWN


def api_server_endpoint(manifest: str) -> tuple[int, str | None]:
    """(port, address) of an API server from its manifest; (6443, None) where it says nothing."""
    try:
        command = read_pod_command(manifest, "kube-apiserver")
    except ManifestError:
        return API_SERVER_PORT, None
    port = command.value("secure-port") or ""
    valid = port.isdecimal() and 0 < int(port) < 65536
    return int(port) if valid else API_SERVER_PORT, command.value("advertise-address")


def _pairs(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value.strip() for name, equals, value in pairs if equals}


def _seconds(text: str) -> float:
    """`date +%s.%N`; a date without %N gives the second, which is on average half over."""
    whole, _, fraction = text.partition(".")
    return int(whole) + (float(f"0.{fraction}") if fraction.isdecimal() else 0.5)


def _containers(listing: str, errors: str) -> tuple[tuple[Container, ...], str | None]:
    if not listing.strip():
        lines = errors.strip().splitlines()
        return (), lines[-1] if lines else "crictl is not on this node's PATH"
    try:
        return read_containers(listing), None
    except ValueError as error:
        return (), str(error)


def _data_dir(said: Mapping[str, str]) -> DataDirFacts | None:
    try:
        mode, owner, device = said["nearest"].split()
        size, _, modified = said.get("database", "").partition(" ")
        return DataDirFacts(
            path=said["path"],
            exists="exists" in said,
            is_mount="mount" in said,
            device=int(device),
            free=int(said["free_kib"]) * 1024,
            owner=owner,
            mode=mode,
            member_exists="member" in said,
            database_size=int(size) if size else None,
            database_modified_at=_moment(modified),
            wal_files=int(said.get("wal_files", "0")),
            work_device=int(said["work_device"]),
            work_free=int(said["work_free_kib"]) * 1024,
            parent_device=int(said["parent_device"]),
            fault=_fault(said, int(size)) if size else None,
        )
    except (KeyError, ValueError):
        return None


def _fault(said: Mapping[str, str], size: int) -> str | None:
    return database_fault(said.get("first_page", ""), said.get("second_page", ""), size)


def _moment(seconds: str) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else None
