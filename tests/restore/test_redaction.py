"""Nothing that looks like a secret is written down, whatever a node prints."""

from __future__ import annotations

import pytest

from recovery.restore.redaction import HIDDEN, Redactor, without_secrets

SECRETS = [
    "https://s3/etcd/x.tar?X-Amz-Credential=AKIAEXAMPLE7EXAMPLE7&X-Amz-Signature=5ec2e7f00d",
    "Authorization: Bearer abcdef.0123456789abcdef",
    "kubeadm join 10.0.0.1:6443 --token abcdef.0123456789abcdef",
    "kubeadm init phase upload-certs --certificate-key 5ec2e7f00d5ec2e7f00d",
    '"SECRET_KEY": "5ec2e7f00d/5ec2e7f00d"',
    "aws_secret_access_key = 5ec2e7f00d5ec2e7f00d",
    "client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo=",
    "token=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl",
    "AKIAEXAMPLE7EXAMPLE7 was refused",
]


@pytest.mark.parametrize("line", SECRETS)
def test_keys_tokens_and_signed_addresses_are_hidden(line: str) -> None:
    hidden = without_secrets(line)
    assert HIDDEN in hidden
    for part in ("5ec2e7f00d", "0123456789abcdef", "AKIAEXAMPLE", "c2lnbmF0", "LS0tLS1C"):
        assert part not in hidden


@pytest.mark.parametrize(
    "line",
    [
        "$ etcdutl snapshot restore snapshot.db --initial-cluster-token etcd-rescue-20261122-7f3a",
        "INITIAL_CLUSTER_TOKEN=etcd-rescue-20261122-7f3a",
        "--key-file=/etc/kubernetes/pki/etcd/server.key",
        "/registry/secrets/payments/token-03",
        "sha256 8a4177e0c5d2f19b8a4177e0c5d2f19b",
    ],
)
def test_what_is_no_secret_stays_as_it_is(line: str) -> None:
    assert without_secrets(line) == line


def test_a_private_key_in_parts_is_hidden_and_nothing_after_it() -> None:
    redactor = Redactor()
    first = redactor.lines(["key: -----BEGIN RSA PRIVATE KEY-----", "MIIEow5ec2e7f00d"])
    second = redactor.lines(["c2VjcmV0", "-----END RSA PRIVATE KEY-----", "and then it went on"])
    assert first == [f"key: {HIDDEN}", HIDDEN]
    assert second == [HIDDEN, HIDDEN, "and then it went on"]


def test_a_key_that_never_ends_swallows_nothing_else() -> None:
    said = Redactor().lines(["-----BEGIN PRIVATE KEY-----", "MIIE", "mv: cannot move «member»"])
    assert said[-1] == "mv: cannot move «member»"
