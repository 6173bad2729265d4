"""File names of backups."""

from __future__ import annotations

import fnmatch
import ipaddress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.backups.naming import (
    SUFFIXES,
    BackupName,
    candidate_patterns,
    is_candidate,
    parse_name,
    write_name,
)

MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "stamp",
    [
        "20261122-000000",
        "20261122000000",
        "20261122T000000Z",
        "2026-11-22-00-00-00",
        "2026-11-22-000000",
        "2026-11-22T000000",
        "2026-11-22T00:00:00Z",
        "2026-11-22_00-00-00",
        "2026-11-22T02:00:00+02:00",
        "20261122-0000",
    ],
)
@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
def test_every_usual_way_of_writing_the_time_is_read(stamp: str, suffix: str) -> None:
    name = f"snapshot-etcd-{stamp}-10.0.0.11{suffix}"
    assert parse_name(name) == BackupName(MIDNIGHT, "10.0.0.11")


@pytest.mark.parametrize(
    ("address", "ip"),
    [
        ("10-0-0-11", "10.0.0.11"),
        ("fd00::11", "fd00::11"),
        ("fd00-0000-0000-0000-0000-0000-0000-0011", "fd00::11"),
        ("etcd-1", None),
        ("999.0.0.1", None),
    ],
)
def test_an_address_is_read_or_left_out(address: str, ip: str | None) -> None:
    name = parse_name(f"snapshot-etcd-20261122-000000-{address}.tar")
    assert name == BackupName(MIDNIGHT, ip)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "latest.tar",
        "snapshot-etcd-.tar",
        "snapshot-etcd-20261322-000000-10.0.0.11.tar",
        "snapshot-etcd-20261122-250000-10.0.0.11.tar",
        "snapshot-etcd-00000000-000000-10.0.0.11.tar",
        "snapshot-etcd-00010101-000000+23:59-10.0.0.11.tar",
        "snapshot-etcd-٢٠٢٦1122-000000-10.0.0.11.tar",
    ],
)
def test_a_name_that_the_platform_would_not_write_tells_nothing(name: str) -> None:
    assert parse_name(name) is None


@given(st.text() | st.from_regex(r"snapshot-etcd-[0-9TZ:._+-]{0,40}(\.tar)?", fullmatch=True))
def test_no_name_is_an_error(name: str) -> None:
    parse_name(name)
    is_candidate(name)


@given(
    st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),
    st.ip_addresses(),
)
def test_a_written_name_is_read_back(
    taken_at: datetime, ip: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    if isinstance(ip, ipaddress.IPv6Address) and ip.scope_id:
        return
    name = write_name(taken_at, str(ip))
    assert parse_name(name) == BackupName(taken_at.replace(microsecond=0), str(ip))
    assert is_candidate(name)


@pytest.mark.parametrize("name", ["x.db", "snapshot-etcd-odd", "a b.tar.gz", "é.zst"])
def test_a_suffix_or_the_prefix_makes_a_candidate(name: str) -> None:
    assert is_candidate(name)


@pytest.mark.parametrize(
    "name",
    [
        ".x.db",
        "x.tar.partial",
        "snapshot-etcd-1.tar.tmp",
        "x.txt",
        "a\n.db",
        "\x1b[2J.db",
        "d/x.db",
    ],
)
def test_hidden_unfinished_and_deceptive_names_are_no_candidates(name: str) -> None:
    assert not is_candidate(name)


@given(st.text(alphabet="ab.-", max_size=6), st.sampled_from(SUFFIXES))
def test_what_is_listed_by_pattern_holds_every_candidate(stem: str, suffix: str) -> None:
    name = f"{stem}{suffix}"
    if is_candidate(name):
        assert any(fnmatch.fnmatchcase(name, pattern) for pattern in candidate_patterns())
