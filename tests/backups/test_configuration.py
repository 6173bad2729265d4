"""The EtcdBackupConfiguration and its records."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.backups.configuration import (
    BackupSpec,
    LocalStorage,
    S3Storage,
    parse_resource,
    parse_spec,
)
from recovery.backups.model import Record
from recovery.backups.records import parse_records, parse_time
from recovery.errors import ConfigurationError

SPEC = {
    "schedule": "0 3 * * *",
    "paused": True,
    "localStorage": {"path": "/cpaas", "ttl": "7776000"},
    "remoteStorage": {
        "s3": {
            "endpoint": "https://s3.example.com",
            "region": "eu-1",
            "bucket": "etcd",
            "dir": "prod-a",
            "skipTLSVerify": True,
            "secretRef": "etcd-backup-s3-secret",
            "futureField": 1,
        }
    },
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_a_spec_is_read_and_unknown_fields_are_left_alone() -> None:
    assert parse_spec(SPEC) == BackupSpec(
        schedule="0 3 * * *",
        paused=True,
        local=LocalStorage("/cpaas", 7776000),
        s3=S3Storage(
            endpoint="https://s3.example.com",
            bucket="etcd",
            region="eu-1",
            dir="prod-a",
            skip_tls_verify=True,
            secret_ref="etcd-backup-s3-secret",
        ),
    )


def test_an_empty_spec_has_the_platforms_defaults() -> None:
    assert parse_spec({}) == BackupSpec(schedule="0 0 * * *", paused=False)


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"schedule": 5}, "spec.schedule"),
        ({"paused": "yes"}, "spec.paused"),
        ({"localStorage": "/cpaas"}, "spec.localStorage"),
        ({"localStorage": {"path": "cpaas"}}, "spec.localStorage.path"),
        ({"localStorage": {"ttl": "90d"}}, "spec.localStorage.ttl"),
        ({"localStorage": {"ttl": "9" * 5000}}, "spec.localStorage.ttl"),
        ({"remoteStorage": {"s3": {"endpoint": "x"}}}, "spec.remoteStorage.s3.bucket"),
    ],
)
def test_what_cannot_be_meant_is_named_by_field(spec: dict[str, object], where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_spec(spec)
    assert caught.value.where == where


@given(st.dictionaries(st.sampled_from(sorted(SPEC)), anything))
def test_an_odd_spec_is_a_configuration_error_or_none(spec: dict[str, object]) -> None:
    with suppress(ConfigurationError):
        parse_spec(spec)


def test_spec_and_records_come_out_of_the_resource_and_of_a_list_of_one() -> None:
    entry = {"fileName": "a.tar", "backupTimestamp": "2026-11-22T00:00:00Z", "result": "Success"}
    resource = {"spec": SPEC, "status": {"records": [entry]}}
    record = Record("a.tar", datetime(2026, 11, 22, tzinfo=UTC), "Success")
    assert parse_resource(json.dumps(resource)) == (parse_spec(SPEC), (record,))
    assert parse_resource(json.dumps({"items": [resource]})) == (parse_spec(SPEC), (record,))


@pytest.mark.parametrize("raw", ["", "Error from server", "[]", '{"items": []}'])
def test_what_is_no_resource_is_an_error_with_a_remedy(raw: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_resource(raw)
    assert caught.value.remedy


def test_odd_records_are_taken_for_what_can_be_read() -> None:
    records = parse_records(
        [
            {"fileName": "a.tar"},
            {"fileName": "/cpaas/backup/b.tar", "backupTimestamp": 5, "result": None},
            {"fileName": "c\x1b[31m.tar", "result": "Failed:\n\x1b]52;c;aGk=\x07 disk"},
            {"result": "Success"},
            {"fileName": 7},
            None,
        ]
    )
    assert records == (
        Record("a.tar", None, ""),
        Record("b.tar", None, ""),
        Record("c.tar", None, "Failed: disk"),
    )


@given(anything)
def test_no_records_are_an_error(records: object) -> None:
    parse_records(records)
    parse_records([records, {"fileName": records, "backupTimestamp": records, "result": records}])


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T00:00:00Z",
        "2026-11-22T02:00:00+02:00",
        "2026-11-22T00:00:00.123456789Z",
        "2026-11-22 00:00:00",
        "2026-11-22 00:00:00.5 +0000 UTC m=+0.1",
    ],
)
def test_times_are_read_with_patience(text: str) -> None:
    assert parse_time(text) == datetime(2026, 11, 22, tzinfo=UTC)
