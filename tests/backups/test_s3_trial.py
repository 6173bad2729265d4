"""A bucket is tried with the very keys, on real servers: what works, and each known trouble."""

from __future__ import annotations

import asyncio
import email.utils
import json
import ssl
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recovery.backups.configuration import S3Storage
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_trial import S3Trial, try_bucket
from recovery.health.model import Check, CheckStatus
from tests.backups.places import backend


def failed(trial: S3Trial) -> Check:
    """The step that failed: the last one, and it has a remedy."""
    assert not trial.passed
    last = trial.checks[-1]
    assert last.status is CheckStatus.FAILED
    assert last.remedy
    return last


def objects_in(bucket: str) -> list[str]:
    return list(backend().buckets[bucket].keys)


async def test_a_bucket_that_serves_is_listed_written_read_and_left_as_it_was(
    storage: S3Storage, keys: S3Keys
) -> None:
    heard: list[Check] = []
    trial = await try_bucket(storage, keys, heard.append)
    await asyncio.sleep(0)
    assert trial.passed
    assert [check.name for check in trial.checks] == ["TLS", "lists", "writes", "reads", "deletes"]
    assert heard == list(trial.checks)
    assert objects_in(storage.bucket) == []


async def test_a_bucket_that_is_not_there_is_named(storage: S3Storage, keys: S3Keys) -> None:
    last = failed(await try_bucket(replace(storage, bucket="no-such-bucket"), keys))
    assert (last.name, last.message) == ("lists", "there is no bucket no-such-bucket")


async def test_a_name_that_does_not_resolve_is_named(storage: S3Storage, keys: S3Keys) -> None:
    nowhere = replace(storage, endpoint="https://s3.invalid")
    assert failed(await try_bucket(nowhere, keys)).message == (
        "the name in https://s3.invalid cannot be resolved"
    )


async def test_a_port_that_refuses_is_named(storage: S3Storage, keys: S3Keys) -> None:
    last = failed(await try_bucket(replace(storage, endpoint="https://127.0.0.1:1"), keys))
    assert last.message == "https://127.0.0.1:1 refuses the connection"


async def test_what_is_no_url_is_named(storage: S3Storage, keys: S3Keys) -> None:
    assert failed(await try_bucket(replace(storage, endpoint="http://a b"), keys)).name


@pytest.mark.usefixtures("strict_server")
async def test_keys_that_are_not_known_are_told_and_never_shown(
    storage: S3Storage, keys: S3Keys
) -> None:
    trial = await try_bucket(storage, keys)
    assert failed(trial).message == "the keys from the test are not known to the server"
    assert keys.access_key not in repr(trial)
    assert keys.secret_key not in repr(trial)


@pytest.fixture
def reading_keys(s3_server: str, storage: S3Storage) -> Iterator[S3Keys]:
    """Keys that may list and read the bucket, and not write there."""
    import boto3

    iam = boto3.client(
        "iam",
        endpoint_url=s3_server,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    iam.create_user(UserName="reader")
    allowed = {"Effect": "Allow", "Action": ["s3:List*", "s3:Get*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    made = iam.create_access_key(UserName="reader")["AccessKey"]
    plain = {"Content-Type": "text/plain"}

    def checks_after(requests: bytes) -> None:
        url = f"{s3_server}/moto-api/reset-auth"
        urllib.request.urlopen(urllib.request.Request(url, requests, plain)).close()

    checks_after(b"0")
    yield S3Keys(made["AccessKeyId"], made["SecretAccessKey"], origin="secret x")
    checks_after(b"inf")


async def test_keys_that_may_list_and_not_write_are_told(
    storage: S3Storage, reading_keys: S3Keys
) -> None:
    trial = await try_bucket(storage, reading_keys)
    last = failed(trial)
    assert last.name == "writes"
    assert last.message == f"the keys from secret x may not write to bucket {storage.bucket}"
    assert "s3:PutObject" in last.remedy
    assert trial.checks[1].status is CheckStatus.OK
    assert objects_in(storage.bucket) == []


async def test_a_self_signed_certificate_is_shown_by_its_fingerprint_and_may_be_accepted(
    storage: S3Storage, keys: S3Keys, tls_endpoint: str, tmp_path: Path
) -> None:
    behind_tls = replace(storage, endpoint=tls_endpoint)
    trial = await try_bucket(behind_tls, keys)
    last = failed(trial)
    assert last.message == "the certificate is not trusted: self-signed"
    assert trial.may_skip_verification
    assert trial.certificate is not None
    assert trial.certificate.fingerprint == _fingerprint(tmp_path / "server.pem")
    assert trial.certificate.fingerprint in last.meaning
    assert (await try_bucket(replace(behind_tls, skip_tls_verify=True), keys)).passed


async def test_an_authority_of_ones_own_is_trusted_and_nothing_is_to_be_skipped(
    storage: S3Storage,
    keys: S3Keys,
    tls_endpoint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "server.pem"))
    trial = await try_bucket(replace(storage, endpoint=tls_endpoint), keys)
    assert trial.passed
    assert not trial.may_skip_verification


async def test_https_to_a_plain_server_says_so(storage: S3Storage, keys: S3Keys) -> None:
    endpoint = storage.endpoint.replace("http://", "https://")
    assert failed(await try_bucket(replace(storage, endpoint=endpoint), keys)).message == (
        f"{endpoint} does not speak TLS"
    )


async def test_a_clock_that_differs_is_told(keys: S3Keys) -> None:
    late = email.utils.format_datetime(datetime.now(UTC) - timedelta(minutes=9), usegmt=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'
        head = f"HTTP/1.1 200 OK\r\nDate: {late}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        storage = S3Storage(f"http://127.0.0.1:{port}", "etcd-backups")
        trial = await try_bucket(storage, keys)
    (clock,) = [check for check in trial.checks if check.name == "clock"]
    assert clock.message.endswith("s ahead of the server")


def _fingerprint(pem: Path) -> str:
    import hashlib

    text = pem.read_text()
    der = ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") :])
    digest = hashlib.sha256(der).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))
