"""The schedule: cron strings, when they are due, and what is none."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest

from recovery.backups.schedule import parse_schedule
from recovery.errors import ConfigurationError

NOON = datetime(2026, 11, 24, 12, 0, 30, 500, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "due"),
    [
        ("0 0 * * *", datetime(2026, 11, 25, tzinfo=UTC)),
        ("@daily", datetime(2026, 11, 25, tzinfo=UTC)),
        ("@hourly", datetime(2026, 11, 24, 13, tzinfo=UTC)),
        ("*/15 * * * *", datetime(2026, 11, 24, 12, 15, tzinfo=UTC)),
        ("30 2 * * sun", datetime(2026, 11, 29, 2, 30, tzinfo=UTC)),
        ("0 6 1 jan ?", datetime(2027, 1, 1, 6, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_the_next_time_due_follows_the_cron_string(cron: str, due: datetime) -> None:
    assert parse_schedule(cron).next(NOON) == due


def test_a_time_in_another_zone_is_taken_for_the_moment_it_is() -> None:
    shanghai = timezone(timedelta(hours=8))
    after = datetime(2026, 11, 25, 7, 59, tzinfo=shanghai)
    assert parse_schedule("0 0 * * *").next(after) == datetime(2026, 11, 25, tzinfo=UTC)


def test_the_moment_itself_is_the_latest_due_and_never_the_next() -> None:
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    daily = parse_schedule("0 0 * * *")
    assert daily.latest(midnight) == midnight
    assert daily.next(midnight) == midnight + timedelta(days=1)
    assert daily.latest(midnight - timedelta(microseconds=1)) == midnight - timedelta(days=1)
    assert daily.latest(NOON) == midnight


def test_times_missed_are_counted() -> None:
    weekdays = parse_schedule("0 2 * * 1-5")
    friday = datetime(2026, 11, 20, 2, 0, 7, tzinfo=UTC)
    assert weekdays.due_between(friday, datetime(2026, 11, 22, 23, tzinfo=UTC)) == 0
    assert weekdays.due_between(friday, datetime(2026, 11, 24, 2, tzinfo=UTC)) == 2
    assert weekdays.due_between(friday, friday + timedelta(days=400)) == 9


def test_the_interval_is_the_longest_gap() -> None:
    assert parse_schedule("0 */6 * * *").interval(NOON) == timedelta(hours=6)
    assert parse_schedule("0 2 * * 1-5").interval(NOON) == timedelta(days=3)


def test_it_says_itself_in_words() -> None:
    assert parse_schedule("0 0 * * *").words == "at 00:00 every day"
    assert parse_schedule(" @weekly ").words == "at 00:00 on Sunday"


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "daily",
        "0 0 * *",
        "0 0 0 * * *",
        "60 0 * * *",
        "0 24 * * *",
        "0 0 * * 7",
        "0 0 * * 1-7",
        "0 0 L * *",
        "0 0 * * 5#1",
        "0 0 30 2 *",
        "*/0 * * * *",
        "@every 6h",
        "CRON_TZ=Asia/Shanghai 0 0 * * *",
        "a b c d e",
        "0 0 * * \x1b[31m",
        "; rm * * *",
    ],
)
def test_what_is_no_schedule_is_refused_and_names_the_field(cron: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_schedule(cron)
    assert caught.value.where == "spec.schedule"
    assert "\x1b" not in str(caught.value)


def test_every_fourteenth_minute_is_no_sunday() -> None:
    times = list(itertools.islice(parse_schedule("*/7 * * * */7").upcoming(NOON), 2))
    assert times[1] - times[0] == timedelta(minutes=7)
