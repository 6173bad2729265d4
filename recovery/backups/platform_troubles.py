"""Why the platform's backups fail, from its own words: the troubles that are known in the field.

The words are those of its parts, which are known: Kubernetes' API, Go's network and TLS
libraries, S3's error codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """A known trouble: its name, what it means, what to do."""

    name: str
    meaning: str
    remedy: str


_KNOWN: tuple[tuple[str, Trouble], ...] = (
    (
        r"etcdserver: ",
        Trouble(
            "etcd",
            "etcd does not take what the platform wants to write, so it cannot take a backup.",
            "etcd-rescue check tells what is wrong with etcd",
        ),
    ),
    (
        r"secrets? .*(is )?forbidden|cannot (get|read) (resource )?.?secrets?",
        Trouble(
            "missing right to read secrets",
            "The backup's service account may not read the secret with the S3 keys.",
            "give its cluster role the verb get on secrets, then back up again",
        ),
    ),
    (
        r"secrets? \S+ not found|secret.*(does not exist|NotFound)",
        Trouble(
            "wrong secretRef",
            "secretRef names a secret that is not in namespace cpaas-system.",
            "set up S3 again, or point secretRef at the right one:"
            " etcd-rescue backup set --s3-secret NAME",
        ),
    ),
    (
        r"(ACCESS_KEY|SECRET_KEY).*(missing|empty|not found)|has no (ACCESS_KEY|SECRET_KEY)",
        Trouble(
            "incomplete secret",
            "The secret lacks ACCESS_KEY or SECRET_KEY.",
            "store the keys again: etcd-rescue backup set --s3-keys",
        ),
    ),
    (
        r"RequestTimeTooSkewed|RequestExpired|time.*(skew|too large)",
        Trouble(
            "clock",
            "The clock of the node that backs up differs too much from the bucket's server.",
            "set the clocks of the control-plane nodes (chronyd, ntpd)",
        ),
    ),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken",
        Trouble(
            "wrong keys",
            "The server does not take the keys that are in the secret.",
            "store the right ones: etcd-rescue backup set --s3-keys",
        ),
    ),
    (
        r"NoSuchBucket|bucket.*does not exist",
        Trouble(
            "bucket",
            "There is no bucket of that name.",
            "make it, or name another one: etcd-rescue backup set --s3-bucket NAME",
        ),
    ),
    (
        r"SecondLevelDomainForbidden|PathStyleRequest|VirtualHost|bucket.*path.?style",
        Trouble(
            "path-style",
            "The server does not take the bucket's name in the way it was given: some want it"
            " in the host's name, others in the path.",
            "ask whoever runs the server which way it wants, and which the platform uses",
        ),
    ),
    (
        r"AuthorizationHeaderMalformed|PermanentRedirect|IllegalLocationConstraint|wrong region",
        Trouble(
            "region",
            "The bucket lies in another region than the configuration says.",
            "set it: etcd-rescue backup set --s3-region REGION",
        ),
    ),
    (
        r"AccessDenied|AllAccessDisabled|\b403\b",
        Trouble(
            "rights in the bucket",
            "The keys are known, and may not write there.",
            "allow them s3:PutObject and s3:ListBucket on the bucket",
        ),
    ),
    (
        r"x509:|certificate|tls:|TLS handshake|CERTIFICATE_VERIFY_FAILED",
        Trouble(
            "TLS",
            "The bucket's server shows a certificate that the platform does not trust.",
            "look at it with: etcd-rescue backup set --test; skipTLSVerify is meant for a"
            " self-signed one whose fingerprint you know",
        ),
    ),
    (
        r"no such host|Name or service not known|cannot be resolved",
        Trouble(
            "endpoint",
            "The endpoint's name cannot be resolved; with the bucket in front of it, the platform"
            " asks for it in the host's name and the server's DNS does not have that.",
            "check the endpoint, and the nodes' DNS",
        ),
    ),
    (
        r"connection refused|refuses the connection",
        Trouble(
            "endpoint",
            "Nothing answers at the endpoint's port.",
            "check the endpoint, and that S3 runs there",
        ),
    ),
    (
        r"i/o timeout|deadline exceeded|does not answer|timed? ?out",
        Trouble(
            "endpoint",
            "The endpoint does not answer the control-plane nodes.",
            "check the network from the nodes to it",
        ),
    ),
    (
        r"no space left on device|disk (is )?full",
        Trouble(
            "disk",
            "There is no room in the backup directory.",
            "make room on the node, or shorten the retention",
        ),
    ),
)


def known_trouble(words: str) -> Trouble | None:
    """The trouble that the platform's words are about; None where it is none that is known."""
    for pattern, trouble in _KNOWN:
        if re.search(pattern, words, re.IGNORECASE):
            return trouble
    return None
