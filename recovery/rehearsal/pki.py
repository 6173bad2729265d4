"""Certificates for the rehearsal cluster, shaped as kubeadm's are."""

from __future__ import annotations

import base64
import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from recovery.rehearsal.node.layout import CLUSTER_NAME, NodeLayout

_DAYS = 365


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """A certificate authority of one cluster."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(self._subject, self._subject, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), False
        )
        builder = builder.add_extension(_usage(ca=True), True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The authority's key."""
        return _key_pem(self._key)

    def sign(
        self, name: str, hosts: Sequence[str] = (), organization: str = "", *, days: int = _DAYS
    ) -> Signed:
        """A certificate for server and client use; hosts are names or addresses.

        It is good for so many days from now; a negative number makes one that has expired.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if organization:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        builder = _builder(x509.Name(attributes), self._subject, key.public_key(), days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
        )
        builder = builder.add_extension(_usage(ca=False), True)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            False,
        )
        if hosts:
            names = [_general_name(host) for host in hosts]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Signed(certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key))


@dataclass(frozen=True, slots=True)
class Authorities:
    """The two authorities of a kubeadm cluster that matter here."""

    kubernetes: Authority
    etcd: Authority


def make_authorities() -> Authorities:
    """New authorities."""
    return Authorities(Authority("kubernetes"), Authority("etcd-ca"))


def write_control_plane_pki(layout: NodeLayout, authorities: Authorities) -> None:
    """What kubeadm puts into /etc/kubernetes/pki, as far as it is used, and admin.conf."""
    hosts = _hosts(layout)
    etcd = layout.pki / "etcd"
    _write(etcd / "ca.crt", authorities.etcd.pem)
    _write(etcd / "ca.key", authorities.etcd.key_pem)
    write_etcd_certificates(layout, authorities)
    write_signed(
        etcd,
        "healthcheck-client",
        authorities.etcd.sign("kube-etcd-healthcheck-client", (), "system:masters"),
    )
    _write(layout.pki / "ca.crt", authorities.kubernetes.pem)
    _write(layout.pki / "ca.key", authorities.kubernetes.key_pem)
    served = [*hosts, "kubernetes", "kubernetes.default.svc", "10.96.0.1"]
    write_signed(layout.pki, "apiserver", authorities.kubernetes.sign("kube-apiserver", served))
    write_signed(
        layout.pki,
        "apiserver-etcd-client",
        authorities.etcd.sign("kube-apiserver-etcd-client", (), "system:masters"),
    )
    write_admin_kubeconfig(layout, authorities, layout.address)


def write_etcd_certificates(
    layout: NodeLayout, authorities: Authorities, *, days: int = _DAYS
) -> None:
    """The certificates that etcd shows to clients and members; `days` as `Authority.sign` does."""
    for name in ("server", "peer"):
        signed = authorities.etcd.sign(layout.name, _hosts(layout), days=days)
        write_signed(layout.pki / "etcd", name, signed)


def _hosts(layout: NodeLayout) -> list[str]:
    return ["localhost", "127.0.0.1", "::1", layout.name, layout.address]


def write_admin_kubeconfig(layout: NodeLayout, authorities: Authorities, server: str) -> None:
    """admin.conf, everything inline, as kubeadm writes it."""
    signed = authorities.kubernetes.sign("kubernetes-admin", (), "system:masters")
    layout.kubernetes.mkdir(parents=True, exist_ok=True)
    text = f"""apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {_b64(authorities.kubernetes.pem)}
    server: https://{server}:6443
  name: {CLUSTER_NAME}
contexts:
- context:
    cluster: {CLUSTER_NAME}
    user: kubernetes-admin
  name: kubernetes-admin@{CLUSTER_NAME}
current-context: kubernetes-admin@{CLUSTER_NAME}
kind: Config
preferences: {{}}
users:
- name: kubernetes-admin
  user:
    client-certificate-data: {_b64(signed.certificate)}
    client-key-data: {_b64(signed.key)}
"""
    _write(layout.admin_kubeconfig, text.encode())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int = _DAYS
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    end = now + datetime.timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, end) - datetime.timedelta(hours=1))
        .not_valid_after(end)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def write_signed(directory: Path, name: str, signed: Signed) -> None:
    """`NAME.crt` and `NAME.key` in that directory."""
    _write(directory / f"{name}.crt", signed.certificate)
    _write(directory / f"{name}.key", signed.key)


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()
