"""Reads a kubeconfig as kubeadm writes it: one cluster, one user, everything inline."""

from __future__ import annotations

import base64
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """Where the API server is, and who asks. PEM texts."""

    server: str
    ca: str
    certificate: bytes
    key: bytes

    def tls(self) -> ssl.SSLContext:
        """A client context; the key passes through memory only."""
        context = ssl.create_default_context(cadata=self.ca)
        descriptor = os.memfd_create("client")
        try:
            os.write(descriptor, self.certificate + self.key)
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        return context


# libyaml's where it is there: kubelets read this every two seconds.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_kubeconfig(path: Path) -> Kubeconfig:
    """Raises OSError or ValueError where it is absent or not of that form."""
    try:
        document = yaml.load(path.read_text(), Loader=_Loader)
        cluster = document["clusters"][0]["cluster"]
        user = document["users"][0]["user"]
        return Kubeconfig(
            server=str(cluster["server"]),
            ca=base64.b64decode(cluster["certificate-authority-data"]).decode(),
            certificate=base64.b64decode(user["client-certificate-data"]),
            key=base64.b64decode(user["client-key-data"]),
        )
    except (KeyError, TypeError, IndexError, yaml.YAMLError) as error:
        raise ValueError(f"{path} is no kubeconfig: {error}") from error
