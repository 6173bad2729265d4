"""Public certificates out of PEM text, by the library that asyncssh needs anyway."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True, slots=True)
class ReadCertificate:
    """One certificate of a file."""

    certificate: x509.Certificate
    not_before: datetime
    not_after: datetime
    hosts: frozenset[str]
    """The subject's alternative names; see `host_text`."""
    fingerprint: str
    """sha256 of its DER form, lower-case hex."""


Chain = tuple[ReadCertificate, ...]
"""The certificates of one file in its order; the first is the one that counts."""


def read_chain(pem: str) -> Chain:
    """The certificates in the text; empty where there is none, or one cannot be read."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(pem.encode())
        return tuple(_read(one) for one in found)
    except ValueError:
        # Also what extensions and unknown forms raise: the bytes are no certificate for anybody.
        return ()


def signed_by(chain: Chain, authorities: Chain) -> bool:
    """Whether one of the authorities signed the first certificate, or one that signed it."""
    known = [*authorities]
    for one in reversed(chain):
        if not any(_issued(one, signer) for signer in known):
            if one is chain[0]:
                return False
            continue
        known.append(one)
    return True


def host_text(host: str) -> str:
    """A name or address in the one notation that hosts are compared in."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host.lower().rstrip(".")


def _issued(certificate: ReadCertificate, signer: ReadCertificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.certificate.verify_directly_issued_by(signer.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _read(certificate: x509.Certificate) -> ReadCertificate:
    from cryptography.hazmat.primitives.hashes import SHA256

    return ReadCertificate(
        certificate=certificate,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        hosts=frozenset(map(host_text, _alternative_names(certificate))),
        fingerprint=certificate.fingerprint(SHA256()).hex(),
    )


def _alternative_names(certificate: x509.Certificate) -> Iterator[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    yield from names.get_values_for_type(x509.DNSName)
    yield from map(str, names.get_values_for_type(x509.IPAddress))


def covers(hosts: frozenset[str], wanted: str) -> bool:
    """Whether a certificate for these hosts is good for that one; `*.` stands for one label."""
    text = host_text(wanted)
    return text in hosts or f"*.{text.partition('.')[2]}" in hosts


def fingerprints(chain: Sequence[ReadCertificate]) -> frozenset[str]:
    """The fingerprints of all of them."""
    return frozenset(one.fingerprint for one in chain)
