"""Reads a node's certificates: where they lie, the lines that print them, and what they say.

Only certificates come to this machine, never a private key. Whether a key fits its certificate is
found out on the node, with openssl where it has it. Certificates are read here, with the library
that asyncssh brings along.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recovery.cluster.certificates import SIGNERS, Certificate, KeyFit, NodeCertificates, Role
from recovery.cluster.manifest import host_file
from recovery.cluster.pod_command import read_pod_command
from recovery.cluster.x509_chains import Chain, fingerprints, read_chain, signed_by

if TYPE_CHECKING:
    from recovery.cluster.api_server_files import ApiServerFiles
    from recovery.cluster.facts import EtcdManifest
    from recovery.inventory.model import NodePaths

_FITS = frozenset(fit.value for fit in KeyFit)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a certificate lies on a node, and its key, which is not read."""

    role: Role
    path: str
    key: str = ""
    """Empty where there is none to ask about."""
    inside: str = ""
    """`kubeconfig` or `with its key` where the file holds more than the certificate."""


CERTIFICATES_SH = r"""
# Whether a key belongs to a certificate. Only public halves are compared, and nothing is printed.
key_fits() {
  [ -n "$2" ] || { echo not-asked; return 0; }
  [ -f "$2" ] || { echo absent; return 0; }
  command -v openssl > /dev/null || { echo unknown; return 0; }
  OF_CERTIFICATE=$(timeout 5 openssl x509 -in "$1" -noout -pubkey 2> /dev/null < /dev/null || true)
  OF_KEY=$(timeout 5 openssl pkey -in "$2" -passin pass: -pubout 2> /dev/null < /dev/null || true)
  if [ -z "$OF_CERTIFICATE" ] || [ -z "$OF_KEY" ]; then echo unknown
  elif [ "$OF_CERTIFICATE" = "$OF_KEY" ]; then echo fits
  else echo differs; fi
}
# Prints a certificate: its role, whether its key fits, then the certificate itself.
certificate() {
  section certificate
  printf '%s\n' "$1"
  [ -e "$2" ] || { echo absent; return 0; }
  echo present
  key_fits "$2" "$3"
  case $4 in
    kubeconfig)
      sed -n 's/^ *client-certificate-data: *//p' "$2" | head -n 1 | base64 -d 2> /dev/null || true
      ;;
    'with its key') timeout 5 openssl x509 -in "$2" 2> /dev/null || true ;;
    *) sed -n '/-BEGIN CERTIFICATE-/,/-END CERTIFICATE-/p' "$2" 2> /dev/null | head -c 65536 ;;
  esac
}
"""


def certificate_places(
    paths: NodePaths, manifest: EtcdManifest | None, files: ApiServerFiles
) -> tuple[Place, ...]:
    """Where the node's certificates lie: as its manifests say, or as kubeadm has them."""
    pki = f"{paths.kubernetes}/pki"
    peer, peer_key = _peer_files(paths, manifest)
    return (
        Place(Role.ETCD_CA, manifest.trusted_ca_file if manifest else f"{paths.pki}/ca.crt"),
        Place(
            Role.ETCD_SERVER,
            manifest.cert_file if manifest else f"{paths.pki}/server.crt",
            manifest.key_file if manifest else f"{paths.pki}/server.key",
        ),
        Place(Role.ETCD_PEER, peer, peer_key),
        Place(
            Role.ETCD_HEALTHCHECK,
            f"{paths.pki}/healthcheck-client.crt",
            f"{paths.pki}/healthcheck-client.key",
        ),
        Place(Role.CLUSTER_CA, f"{pki}/ca.crt"),
        Place(
            Role.API_SERVER,
            files.serving_certificate or f"{pki}/apiserver.crt",
            files.serving_key or f"{pki}/apiserver.key",
        ),
        Place(
            Role.API_SERVER_TO_ETCD,
            files.etcd_certificate or f"{pki}/apiserver-etcd-client.crt",
            files.etcd_key or f"{pki}/apiserver-etcd-client.key",
        ),
        Place(Role.ADMIN, paths.admin_kubeconfig, inside="kubeconfig"),
        Place(
            Role.KUBELET,
            "/var/lib/kubelet/pki/kubelet-client-current.pem",
            inside="with its key",
        ),
    )


def _peer_files(paths: NodePaths, manifest: EtcdManifest | None) -> tuple[str, str]:
    if manifest is not None:
        command = read_pod_command(manifest.text, "etcd", manifest.path)
        certificate, key = host_file(command, "peer-cert-file"), host_file(command, "peer-key-file")
        if certificate and key:
            return certificate, key
    return f"{paths.pki}/peer.crt", f"{paths.pki}/peer.key"


def certificates_script(places: Iterable[Place]) -> str:
    """The lines that print them; they need CERTIFICATES_SH."""
    return "".join(
        shlex.join(["certificate", place.role.name, place.path, place.key, place.inside]) + "\n"
        for place in places
    )


def read_certificates(
    answers: Iterable[str], places: Sequence[Place], etcd_hosts: tuple[str, ...] = ()
) -> NodeCertificates:
    """What the lines printed, one section each, as facts."""
    keys: dict[Role, KeyFit] = {}
    chains: dict[Role, Chain] = {}
    missing: set[Role] = set()
    for answer in answers:
        name, _, rest = answer.partition("\n")
        state, _, rest = rest.partition("\n")
        key, _, pem = rest.partition("\n")
        if name not in Role.__members__:
            continue
        if state != "present":
            missing.add(Role[name])
            continue
        keys[Role[name]] = KeyFit(key) if key in _FITS else KeyFit.UNKNOWN
        chains[Role[name]] = read_chain(pem)
    path = {place.role: place.path for place in places}
    known = {role: chain for role, chain in chains.items() if chain}
    return NodeCertificates(
        certificates=tuple(_certificates(known, keys, path)),
        missing=tuple((role, path[role]) for role in path if role in missing),
        unreadable=tuple((r, path[r]) for r in path if r in chains and not chains[r]),
        authorities=tuple(
            (role, fingerprints(known[role]))
            for role in (Role.ETCD_CA, Role.CLUSTER_CA)
            if role in known
        ),
        etcd_hosts=etcd_hosts,
    )


def _certificates(
    known: Mapping[Role, Chain], keys: Mapping[Role, KeyFit], path: Mapping[Role, str]
) -> Iterator[Certificate]:
    for role, chain in known.items():
        signer = SIGNERS.get(role)
        first = chain[0]
        yield Certificate(
            role=role,
            path=path[role],
            not_before=first.not_before,
            # A bundle of CAs, while one is rotated, is good for as long as one of them is.
            not_after=max(one.not_after for one in chain) if signer is None else first.not_after,
            hosts=first.hosts,
            signed=signed_by(chain, known[signer]) if signer and signer in known else None,
            key=keys[role],
        )
