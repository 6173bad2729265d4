"""Where S3 keys come from, and that they stay hidden."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from recovery.backups.credentials import credentials_from_secret, find_credentials
from recovery.backups.s3_keys import S3Keys
from recovery.errors import ConfigurationError, KubernetesError, StoreError

PRIVATE = "https://s3.example.com"


def write_credentials(path: Path, profile: str, access_key: str = "AKIAPROFILE") -> None:
    path.write_text(
        f"[{profile}]\naws_access_key_id = {access_key}\naws_secret_access_key = hush-profile\n"
    )


def secret(access_key: str = "AKIASECRET", secret_key: str = "hush-secret") -> bytes:
    data = {
        "ACCESS_KEY": base64.b64encode(access_key.encode()).decode(),
        "SECRET_KEY": base64.b64encode(f"{secret_key}\n".encode()).decode(),
    }
    return json.dumps({"metadata": {"name": "etcd-backup-s3-secret"}, "data": data}).encode()


async def read_secret() -> bytes:
    return secret()


async def dead_cluster() -> bytes:
    raise KubernetesError("the API server does not answer")


async def test_the_inventorys_profile_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-env")
    write_credentials(Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]), "ops")
    keys = await find_credentials(profile="ops", endpoint=PRIVATE)
    assert (keys.access_key, keys.secret_key) == ("AKIAPROFILE", "hush-profile")
    assert keys.origin == "profile ops"


@pytest.mark.parametrize("profile", [None, "ops"])
async def test_a_credentials_file_of_the_inventory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str | None
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-env")
    write_credentials(tmp_path / "keys", profile or "default", "AKIAFILE")
    keys = await find_credentials(profile=profile, file=tmp_path / "keys", endpoint=PRIVATE)
    assert keys.access_key == "AKIAFILE"


@pytest.mark.parametrize("file", [None, "none"])
async def test_a_named_profile_without_keys_is_an_error_and_nothing_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-env")
    with pytest.raises(ConfigurationError) as caught:
        await find_credentials(
            profile="ops",
            file=tmp_path / file if file else None,
            endpoint=PRIVATE,
            read_secret=read_secret,
        )
    assert "profile ops" in caught.value.what
    assert caught.value.remedy


async def test_the_environment_comes_before_the_clusters_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-env")
    keys = await find_credentials(endpoint=PRIVATE, read_secret=read_secret)
    assert keys.access_key == "AKIAENV"
    assert keys.origin == "the environment (AWS_ACCESS_KEY_ID)"


async def test_the_clusters_secret_is_asked_next() -> None:
    keys = await find_credentials(endpoint=PRIVATE, read_secret=read_secret)
    assert (keys.access_key, keys.secret_key) == ("AKIASECRET", "hush-secret")
    assert keys.origin == "secret etcd-backup-s3-secret"


async def test_an_aws_configuration_at_fault_does_not_hide_the_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "gone")
    keys = await find_credentials(endpoint=PRIVATE, read_secret=read_secret)
    assert keys.access_key == "AKIASECRET"


async def test_with_a_dead_cluster_a_person_is_asked() -> None:
    asked: list[str] = []

    def ask(place: str) -> S3Keys:
        asked.append(place)
        return S3Keys("AKIATYPED", "hush-typed")

    keys = await find_credentials(endpoint=PRIVATE, read_secret=dead_cluster, ask=ask)
    assert keys.access_key == "AKIATYPED"
    assert asked == [PRIVATE]


async def test_without_any_keys_the_remedy_and_what_was_tried_are_told() -> None:
    with pytest.raises(StoreError) as caught:
        await find_credentials(endpoint=PRIVATE, read_secret=dead_cluster, ask=lambda _: None)
    assert "s3Credentials" in caught.value.remedy
    assert "the API server does not answer" in caught.value.detail


async def test_a_private_endpoint_never_asks_for_the_machines_role(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1/")
    # A container's role would be asked there, and a wrong host is an error.
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/")
    with pytest.raises(StoreError) as caught:
        await find_credentials(endpoint=PRIVATE)
    assert caught.value.detail == "the AWS configuration and environment have none"


def test_keys_show_in_no_text_form() -> None:
    keys = S3Keys("AKIASECRET", "hush", origin="the test", session_token="token")
    assert repr(keys) == "S3Keys(origin='the test')"
    assert keys.hide("AKIASECRET and hush and token") == "… and … and …"
    assert keys.hide("data: " + base64.b64encode(b"hush").decode()) == "data: …"


@pytest.mark.parametrize(
    "raw",
    [
        b"hush-secret",
        b"[]",
        b'{"data": {"ACCESS_KEY": "hush-secret!"}}',
        b'{"data": {"ACCESS_KEY": "aHVzaA=="}}',
        b'{"data": "hush-secret"}',
    ],
)
def test_an_odd_secret_is_an_error_that_gives_nothing_away(raw: bytes) -> None:
    with pytest.raises(ConfigurationError) as caught:
        credentials_from_secret(raw)
    told = caught.value
    assert "hush" not in f"{told} {told.detail} {told.__cause__!r}"
    assert "secretRef" in told.remedy
