"""One script that reads what preflight wants to know beside etcd itself; it changes nothing.

It runs beside the first probe, so that it costs no time of its own, and within its own bound.
What it could not find out is None, which is *not known*, never *well*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from recovery.cluster.certificate_reading import (
    CERTIFICATES_SH,
    Place,
    certificate_places,
    certificates_script,
    read_certificates,
)
from recovery.cluster.certificates import NodeCertificates
from recovery.cluster.encryption_at_rest import ENCRYPTION_SH, EncryptionFacts, read_encryption
from recovery.cluster.ports import PORTS_SH, PortFacts, read_ports
from recovery.cluster.sections import SECTION_SH, fresh_marker, read_sections
from recovery.cluster.surroundings import (
    SURROUNDINGS_SH,
    Surroundings,
    read_surroundings,
    surroundings_script,
)
from recovery.errors import NodeError, NodeUnreachableError
from recovery.ssh.script import script

if TYPE_CHECKING:
    from recovery.cluster.api_server_files import ApiServerFiles
    from recovery.cluster.facts import EtcdManifest
    from recovery.inventory.model import NodePaths
    from recovery.ssh.session import NodeSession

LOOK_SECONDS = 40.0
"""As long as the first probe may take, beside which it runs."""

ETCD_PORTS = (2379, 2380)

_LOOK = rf"""
{SECTION_SH}
{CERTIFICATES_SH.strip()}
{PORTS_SH.strip()}
{SURROUNDINGS_SH.strip()}
{ENCRYPTION_SH.strip()}
@CERTIFICATES@
section ports
listeners @PORTS@
section encryption
encryption "$ENCRYPTION_CONFIG"
section surroundings
@SURROUNDINGS@
section end
"""


@dataclass(frozen=True, slots=True)
class CloserLook:
    """What the script found out; None where nobody knows."""

    certificates: NodeCertificates | None = None
    ports: PortFacts | None = None
    surroundings: Surroundings | None = None
    encryption: EncryptionFacts | None = None


async def look_closer(
    session: NodeSession,
    manifest: EtcdManifest | None,
    files: ApiServerFiles,
    backups: str | None,
) -> CloserLook:
    """Ask one node. `backups` is the directory of its local backups, where the inventory has one.

    Raises NodeUnreachableError where the node itself is gone, and nothing else: what could not be
    found out is None.
    """
    marker = fresh_marker()
    places = certificate_places(session.node.paths, manifest, files)
    text = look_script(session.node.paths, manifest, files, backups, marker, places)
    try:
        result = await session.run(text, timeout=LOOK_SECONDS)
    except NodeUnreachableError:
        raise
    except NodeError:
        return CloserLook()
    return read_look(result.stdout, marker, places, files)


def look_script(
    paths: NodePaths,
    manifest: EtcdManifest | None,
    files: ApiServerFiles,
    backups: str | None,
    marker: str,
    places: Sequence[Place],
) -> str:
    """The script for one node."""
    data_dir = manifest.data_dir if manifest else paths.data_dir
    written_to = [data_dir, paths.manifests, paths.work, *([backups] if backups else [])]
    body = (
        _LOOK.replace("@CERTIFICATES@", certificates_script(places).rstrip())
        .replace("@PORTS@", " ".join(map(str, _ports(manifest, files))))
        .replace("@SURROUNDINGS@", surroundings_script(paths.admin_kubeconfig, written_to).rstrip())
    )
    return script(body, marker=marker, encryption_config=files.encryption_config or "")


def read_look(
    output: str, marker: str, places: Sequence[Place], files: ApiServerFiles
) -> CloserLook:
    """The script's output as facts; a part that did not come is None."""
    sections = list(read_sections(output, marker))
    # What is not followed by another section may have broken off.
    whole = {section.name: section.text for section in sections[:-1]}
    listed = [one.text for one in sections[:-1] if one.name == "certificate"]
    certificates = ports = surroundings = encryption = None
    if len(listed) == len(places):
        certificates = read_certificates(listed, places, files.etcd_hosts)
    if "ports" in whole:
        ports = read_ports(whole["ports"], files.bind_address, files.port)
    if "encryption" in whole:
        path = files.encryption_config
        encryption = read_encryption(whole["encryption"], path, api_server_known=files.known)
    if "surroundings" in whole:
        surroundings = read_surroundings(whole["surroundings"])
    return CloserLook(certificates, ports, surroundings, encryption)


def _ports(manifest: EtcdManifest | None, files: ApiServerFiles) -> tuple[int, ...]:
    urls = (*manifest.listen_client_urls, *manifest.listen_peer_urls) if manifest else ()
    found = [port for url in urls if (port := _port(url))] or [*ETCD_PORTS]
    return tuple(dict.fromkeys((*found, files.port)))


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None
