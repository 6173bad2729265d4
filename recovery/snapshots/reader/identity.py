"""Which cluster a snapshot is of: its nodes, and the CA that its clients are told to trust.

Facts: `/registry/minions/NAME` is a node; the ConfigMap `kube-root-ca.crt`, which Kubernetes
publishes in every namespace since 1.20, holds the cluster's CA as PEM text. Both are public.
"""

import base64
import hashlib
import re
from typing import List

MINIONS = b"/registry/minions"
SYSTEM_CONFIGMAPS = b"/registry/configmaps/kube-system"
ROOT_CA = SYSTEM_CONFIGMAPS + b"/kube-root-ca.crt"
TELLING = frozenset((MINIONS, SYSTEM_CONFIGMAPS))
"""What stands in front of the last slash of keys that tell it."""

MOST_NODES = 10000
PEM = re.compile(
    rb"-----BEGIN CERTIFICATE-----((?:[A-Za-z0-9+/=\s]|\\n|\\r)+)-----END CERTIFICATE-----"
)
"""Also as JSON writes it, with its line ends escaped."""


def fingerprints(value: bytes) -> List[str]:
    """sha256 of the DER form of every certificate in the value, in order, each once."""
    found = []
    for body in PEM.findall(value):
        text = re.sub(rb"\\n|\\r|\s", b"", body)
        try:
            der = base64.b64decode(text, validate=True)
        except ValueError:
            continue
        found.append(hashlib.sha256(der).hexdigest())
    return list(dict.fromkeys(found))
