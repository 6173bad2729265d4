"""A node's `etcd.yaml`: what it says about the member, in the host's own paths."""

from __future__ import annotations

import difflib
import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping

from recovery.cluster.facts import EtcdManifest, Version
from recovery.cluster.manifest_edit import set_flag, with_existing_state
from recovery.cluster.pod_command import PodCommand, read_pod_command
from recovery.errors import ManifestError

__all__ = [
    "host_file",
    "image_version",
    "manifest_diff",
    "read_manifest",
    "set_flag",
    "with_existing_state",
]

_TAG = re.compile(r":v?(\d+)\.(\d+)\.(\d+)(?![\d.])")


def read_manifest(path: str, text: str, mode: str, owner: str) -> EtcdManifest:
    """The manifest as facts; `mode` and `owner` are passed through as `stat` gave them.

    Values come from `command`, `args`, or the ETCD_* variables that etcd reads where a flag is
    absent. Raises ManifestError, with `path`, that names the flag or volume that is missing.
    """
    command = read_pod_command(text, "etcd", path)
    if _value(command, "config-file") is not None:
        raise ManifestError(
            "it uses --config-file, with which etcd ignores every other flag",
            where=path,
            remedy="write the settings as flags, as kubeadm does",
        )
    return EtcdManifest(
        path=path,
        text=text,
        sha256=hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest(),
        mode=mode,
        owner=owner,
        member_name=_required(command, "name", path),
        data_dir=_host_path(command, "data-dir", path),
        advertise_client_urls=_urls(_value(command, "advertise-client-urls")),
        listen_client_urls=_urls(_required(command, "listen-client-urls", path)),
        listen_peer_urls=_urls(_value(command, "listen-peer-urls")),
        initial_advertise_peer_urls=_urls(_required(command, "initial-advertise-peer-urls", path)),
        initial_cluster=_initial_cluster(_value(command, "initial-cluster")),
        initial_cluster_state=_value(command, "initial-cluster-state"),
        cert_file=_host_path(command, "cert-file", path),
        key_file=_host_path(command, "key-file", path),
        trusted_ca_file=_host_path(command, "trusted-ca-file", path),
        image=str(command.container.get("image") or ""),
        version=image_version(str(command.container.get("image") or "")),
        listen_metrics_urls=_urls(_value(command, "listen-metrics-urls")),
        compares_at_start=_compares_at_start(command),
    )


def image_version(image: str) -> Version | None:
    """The etcd version in an image's tag, for example of `registry.k8s.io/etcd:3.5.16-0`."""
    tagged = image.partition("@")[0].rpartition("/")[2]
    found = _TAG.search(tagged)
    if found is None:
        return None
    major, minor, patch = (int(part) for part in found.groups())
    return Version(major, minor, patch)


def manifest_diff(before: str, after: str, path: str = "etcd.yaml") -> str:
    """A unified diff for the screen; empty where nothing changes."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{path} (now)", f"{path} (after)", lineterm=""
    )
    return "\n".join(lines)


def _value(command: PodCommand, flag: str) -> str | None:
    value = command.value(flag)
    if value is not None:
        return value
    return command.environment.get("ETCD_" + flag.upper().replace("-", "_"))


def _compares_at_start(command: PodCommand) -> bool:
    """By the flag that kubeadm sets, or by the feature gate that follows it in etcd 3.6."""
    if _value(command, "experimental-initial-corrupt-check") == "true":
        return True
    gates = (_value(command, "feature-gates") or "").replace(" ", "").split(",")
    return "InitialCorruptCheck=true" in gates


def _required(command: PodCommand, flag: str, path: str) -> str:
    value = _value(command, flag)
    if not value:
        raise ManifestError(
            f"--{flag} is missing",
            where=path,
            remedy=f"add --{flag}; another control-plane node's manifest shows the form",
        )
    return value


def _urls(value: str | None) -> tuple[str, ...]:
    return tuple(url.strip() for url in (value or "").split(",") if url.strip())


def _initial_cluster(value: str | None) -> tuple[tuple[str, str], ...]:
    pairs = (item.strip().partition("=") for item in (value or "").split(",") if item.strip())
    return tuple((name, url) for name, _, url in pairs)


def host_file(command: PodCommand, flag: str) -> str | None:
    """The host's path of the file that a flag names; None where the flag is absent.

    Of a file that no volume brings to the host it is the path inside the container, at which
    nobody will find it.
    """
    value = command.value(flag)
    if not value:
        return None
    inside = posixpath.normpath(value)
    return _on_host(command, inside) or inside


def _host_path(command: PodCommand, flag: str, path: str) -> str:
    inside = posixpath.normpath(_required(command, flag, path))
    found = _on_host(command, inside)
    if found is not None:
        return found
    raise ManifestError(
        f"--{flag} is {inside}, which no hostPath volume of the pod brings to the host",
        where=path,
        remedy="mount it with a hostPath volume, as kubeadm does",
    )


def _on_host(command: PodCommand, inside: str) -> str | None:
    mounts = sorted(_mounts(command), key=lambda mount: len(mount[0]), reverse=True)
    for mounted_at, host in mounts:
        rest = _below(inside, mounted_at)
        if rest is not None:
            return None if host is None else posixpath.normpath(posixpath.join(host, rest))
    return None


def _below(inside: str, mounted_at: str) -> str | None:
    if inside == mounted_at:
        return ""
    prefix = mounted_at if mounted_at.endswith("/") else mounted_at + "/"
    return inside[len(prefix) :] if inside.startswith(prefix) else None


def _mounts(command: PodCommand) -> Iterator[tuple[str, str | None]]:
    """(path in the container, path on the host); None for a volume that is not the host's."""
    hosts = dict(_host_volumes(command.document))
    for mount in _dicts(command.container.get("volumeMounts")):
        mounted_at = mount.get("mountPath")
        if not isinstance(mounted_at, str):
            continue
        host = hosts.get(str(mount.get("name")))
        if host is not None and isinstance(mount.get("subPath"), str):
            host = posixpath.join(host, str(mount["subPath"]))
        yield posixpath.normpath(mounted_at), host


def _host_volumes(document: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    spec = document.get("spec")
    for volume in _dicts(spec.get("volumes") if isinstance(spec, dict) else None):
        host_path = volume.get("hostPath")
        if isinstance(host_path, dict) and isinstance(host_path.get("path"), str):
            yield str(volume.get("name")), str(host_path["path"])


def _dicts(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
