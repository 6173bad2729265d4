"""The certificate that an S3 server shows, and what is wrong with it. Blocks."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from recovery.backups.outside_text import one_line
from recovery.backups.s3_client import trusted_authorities
from recovery.backups.s3_errors import S3RequestError

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """What a person needs to recognise it."""

    subject: str
    issuer: str
    fingerprint: str
    """SHA-256 in the way of browsers and openssl: `AB:CD:…`."""
    valid_until: datetime
    self_signed: bool
    """Signed with its own key: nobody vouches for it."""
    distrusted: str
    """Why it is not trusted here, in OpenSSL's words; empty where it is."""


def look_at_certificate(endpoint: str) -> ServerCertificate | None:
    """The certificate of an https endpoint; None where there is no TLS.

    Trust is judged as for requests: by AWS_CA_BUNDLE where that is set, by this machine's
    authorities otherwise. Raises S3RequestError where nothing answers, or not in TLS.
    """
    parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
    if parts.scheme != "https" or not parts.hostname:
        return None
    host, port = parts.hostname, parts.port or 443
    distrusted = _distrust(host, port)
    seeing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    seeing.check_hostname = False
    seeing.verify_mode = ssl.CERT_NONE
    der = _shown(host, port, seeing)
    return _described(der, distrusted)


def _distrust(host: str, port: int) -> str:
    bundle = trusted_authorities()
    try:
        trusting = ssl.create_default_context(cafile=bundle)
    except OSError as error:
        return f"{bundle} cannot be read: {one_line(error)}"
    try:
        _shown(host, port, trusting)
    except ssl.SSLCertVerificationError as error:
        return one_line(error.verify_message or str(error))
    return ""


def _shown(host: str, port: int, context: ssl.SSLContext) -> bytes:
    try:
        with (
            socket.create_connection((host, port), timeout=_SECONDS) as raw,
            context.wrap_socket(raw, server_hostname=host) as secure,
        ):
            return secure.getpeercert(binary_form=True) or b""
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError as error:
        raise S3RequestError(S3RequestError.TLS, str(error)) from error
    except TimeoutError as error:
        raise S3RequestError(S3RequestError.SILENT, str(error)) from error
    except OSError as error:
        raise S3RequestError(S3RequestError.NO_CONNECTION, str(error)) from error


def _described(der: bytes, distrusted: str) -> ServerCertificate:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_der_x509_certificate(der)
    self_signed = certificate.subject == certificate.issuer
    if self_signed:
        try:
            certificate.verify_directly_issued_by(certificate)
        except (InvalidSignature, ValueError, TypeError):
            self_signed = False
    return ServerCertificate(
        subject=one_line(certificate.subject.rfc4514_string(), 120),
        issuer=one_line(certificate.issuer.rfc4514_string(), 120),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
        valid_until=certificate.not_valid_after_utc.astimezone(UTC),
        self_signed=self_signed,
        distrusted=distrusted,
    )
