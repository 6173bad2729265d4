"""Figures and names read the same everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from screens import wording

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (222_298_112, "212 MiB"),
        (4_402_341_478, "4.1 GiB"),
        (1_048_575, "1.0 MiB"),
        (10 * 1024, "10 KiB"),
    ],
)
def test_sizes_are_binary_with_three_figures_at_most(octets: int, words: str) -> None:
    assert wording.size(octets).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "3 s"), (180, "3 min"), (50400, "14 h"), (136800, "38 h"), (259200, "3 d")],
)
def test_ages_use_the_largest_fitting_unit(seconds: int, words: str) -> None:
    then = NOW - timedelta(seconds=seconds)
    assert wording.age(then, NOW).replace("\u00a0", " ") == words


def test_a_time_in_the_future_is_no_negative_age() -> None:
    assert wording.age(NOW + timedelta(hours=1), NOW).startswith("0")


def test_long_names_are_cut_in_the_middle() -> None:
    assert wording.cut("snapshot-etcd-2026.tar", 11) == "snaps….tar"[:5] + "…6.tar"
    assert wording.cut("short", 11) == "short"
    assert len(wording.cut("x" * 50, 20)) == 20


def test_thousands_are_grouped() -> None:
    assert wording.thousands(1000182334).split("\u00a0") == ["1", "000", "182", "334"]


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 0 * * *", "daily 00:00"),
        ("30 4 * * *", "daily 04:30"),
        ("15 * * * *", "hourly :15"),
        ("0 */6 * * *", "every 6 h"),
        ("0 0 1 * *", "0 0 1 * *"),
        ("nonsense", "nonsense"),
    ],
)
def test_usual_schedules_are_said_in_words(cron: str, words: str) -> None:
    assert wording.schedule(cron) == words


def test_elapsed_time_reads_like_a_stopwatch() -> None:
    assert wording.stopwatch(281) == "04:41"
    assert wording.stopwatch(3881) == "1:04:41"
