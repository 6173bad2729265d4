"""A backup schedule: a cron string, understood as the platform's scheduler understands it, in UTC.

Pure: it knows no clock, and every question names the time it is asked at.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

from recovery.backups.outside_text import one_line
from recovery.errors import ConfigurationError

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_NAMES = re.compile(
    r"\b(?:SUN|MON|TUE|WED|THU|FRI|SAT"
    r"|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\b"
)
_FIELD = re.compile(r"[0-9*/,-]+")
_SUNDAY_AS_SEVEN = re.compile(r"(?<![0-9/])7(?![0-9])")
_GAPS_LOOKED_AT = 12


@dataclass(frozen=True, slots=True)
class Schedule:
    """When backups are due. Made by `parse_schedule` only."""

    cron: str
    """As it was written."""
    fields: str
    """The five fields that it means."""

    def next(self, after: datetime) -> datetime:
        """The first time due after that moment, in UTC."""
        return next(self.upcoming(after))

    def upcoming(self, after: datetime) -> Iterator[datetime]:
        """The times due after that moment, in UTC, one after another, without end."""
        yield from CronSim(self.fields, after.astimezone(UTC))

    def latest(self, before: datetime) -> datetime:
        """The last time due at that moment or before it, in UTC."""
        moment = before.astimezone(UTC) + timedelta(seconds=1)
        return next(CronSim(self.fields, moment.replace(microsecond=0), reverse=True))

    def due_between(self, after: datetime, until: datetime) -> int:
        """How many times were due after the one moment and not after the other; 9 at most."""
        coming = itertools.islice(self.upcoming(after), 9)
        return sum(1 for _ in itertools.takewhile(lambda at: at <= until, coming))

    def interval(self, after: datetime) -> timedelta:
        """The longest gap between the coming times: that over the weekend, if it keeps weekends."""
        coming = itertools.islice(self.upcoming(after), _GAPS_LOOKED_AT + 1)
        return max(later - earlier for earlier, later in itertools.pairwise(coming))

    @property
    def words(self) -> str:
        """In words: `at 00:00 every day`. Times are UTC."""
        said = CronSim(self.fields, datetime(2026, 1, 1, tzinfo=UTC)).explain()
        return said[:1].lower() + said[1:]


def parse_schedule(cron: str) -> Schedule:
    """The schedule that a cron string of five fields, or `@daily` and its like, means.

    Raises ConfigurationError, `where` naming the field, for anything else: six fields, time zones
    and day counts (`L`, `#`) are refused, because the platform's scheduler does not take them.
    """
    fields = _NICKNAMES.get(cron.strip().lower(), cron.strip().upper())
    parts = fields.split()
    if len(parts) != 5:
        raise _no_cron(cron, f"it has {len(parts)} fields, and five are wanted")
    # Another way to write `*`, for days only.
    parts[2:] = [part if part != "?" else "*" for part in parts[2:]]
    for part in parts:
        if not _FIELD.fullmatch(_NAMES.sub("0", part)):
            raise _no_cron(cron, f"{one_line(part, 20)} is no part of a schedule")
    if _SUNDAY_AS_SEVEN.search(parts[4]):
        raise _no_cron(cron, "days of the week are 0 (Sunday) to 6 (Saturday)")
    fields = " ".join(parts)
    try:
        next(CronSim(fields, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise _no_cron(cron, str(error).replace("Bad ", "not to be understood: the ")) from error
    except StopIteration as error:
        raise _no_cron(cron, "it never comes round") from error
    return Schedule(cron.strip(), fields)


def _no_cron(cron: str, why: str) -> ConfigurationError:
    shown = one_line(cron, 40)
    return ConfigurationError(
        f"“{shown}” is no schedule: {why}",
        where="spec.schedule",
        remedy="give minute, hour, day, month and weekday, for example “0 0 * * *” for midnight",
    )
