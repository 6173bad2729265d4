"""Ground for the tests of backups: nothing of the developer's own AWS or SSH is ever seen."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from recovery.backups.configuration import S3Storage
from recovery.backups.s3_keys import S3Keys
from recovery.ssh.session import NodeSession
from tests.backups.places import CONTENT
from tests.backups.tls_server import s3_behind_tls
from tests.ssh.servers import Account, InProcessServer, in_process_server


@pytest.fixture(autouse=True)
def _nothing_of_the_developers_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("BOTO_CONFIG", str(home / "boto"))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The URL of a real S3 server on loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def tls_endpoint(tmp_path: Path) -> Iterator[str]:
    """The same S3 server behind a certificate that it signed itself."""
    with s3_behind_tls(tmp_path) as url:
        yield url


@pytest.fixture
def keys() -> S3Keys:
    """Keys that the server takes."""
    return S3Keys("AKIATESTTESTTEST", "secret-of-the-test", origin="the test")


@pytest.fixture
def storage(s3_server: str, keys: S3Keys, request: pytest.FixtureRequest) -> S3Storage:
    """An empty bucket of this test's own."""
    import boto3

    bucket = f"bucket-{abs(hash(request.node.nodeid))}"
    client = boto3.client(
        "s3",
        endpoint_url=s3_server,
        region_name="us-east-1",
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
    )
    client.create_bucket(Bucket=bucket)
    return S3Storage(endpoint=s3_server, bucket=bucket, dir="prod-a")


@pytest.fixture
def account(tmp_path: Path) -> Account:
    """A person with a key, who knows no host yet."""
    directory = tmp_path / "account"
    directory.mkdir(mode=0o700)
    person = Account(directory)
    person.write()
    return person


@pytest.fixture
async def server(account: Account) -> AsyncIterator[InProcessServer]:
    """An SSH server that the person trusts."""
    async with in_process_server(account) as running:
        account.trust(running)
        yield running


@pytest.fixture
async def session(account: Account, server: InProcessServer) -> AsyncIterator[NodeSession]:
    """A session to that server, as node etcd-1."""
    one = NodeSession(account.node(server))
    yield one
    await one.close()


@pytest.fixture
def strict_server(s3_server: str, storage: S3Storage) -> Iterator[None]:
    """The server checks keys while this test runs, once the bucket stands."""
    assert storage.endpoint == s3_server

    def checks_after(requests: bytes) -> bytes:
        plain = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{s3_server}/moto-api/reset-auth", requests, plain)
        with urllib.request.urlopen(request) as answer:
            found: bytes = answer.read()
            return found

    checks_after(b"0")
    yield
    checks_after(b"inf")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "spooled"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def digest() -> str:
    return hashlib.sha256(CONTENT).hexdigest()
