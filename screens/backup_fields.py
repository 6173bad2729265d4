"""The backup configuration as a form: its fields, in words, and what a typed value would make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from recovery.backups.configuration_json import next_times
from recovery.backups.configuration_words import retention_words
from recovery.backups.outside_text import one_line
from recovery.backups.schedule import parse_schedule
from recovery.backups.spec_change import SpecWishes
from recovery.errors import ConfigurationError
from screens.marks import Mark, cell, line
from screens.wording import cut

_LABEL = 15
_YES_NO = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class FormField:
    """A field: where it stands in the spec, its label, and what a typed value means."""

    key: str
    path: tuple[str, ...]
    label: str
    wish: Callable[[str], SpecWishes]
    hint: str
    switch: bool = False
    """Yes or no: Enter turns it over."""

    def value(self, spec: Mapping[str, object]) -> str:
        """As text; empty where it is not set."""
        held: object = spec
        for name in self.path:
            held = held.get(name) if isinstance(held, Mapping) else None
        if isinstance(held, Mapping):
            held = held.get("name")
        if held is None or held is False:
            return "no" if self.switch else ""
        return "yes" if held is True else one_line(held, 300)

    def turned(self, spec: Mapping[str, object]) -> SpecWishes:
        """What turns a switch over."""
        return self.wish("no" if self.value(spec) == "yes" else "yes")


_S3 = ("remoteStorage", "s3")

FIELDS = (
    FormField(
        "schedule",
        ("schedule",),
        "schedule",
        lambda text: SpecWishes(schedule=text),
        "minute, hour, day, month, weekday; UTC",
    ),
    FormField(
        "paused",
        ("paused",),
        "paused",
        lambda text: SpecWishes(paused=_YES_NO[text]),
        "",
        switch=True,
    ),
    FormField(
        "path",
        ("localStorage", "path"),
        "on nodes",
        lambda text: SpecWishes(path=text),
        "a directory on every control-plane node",
    ),
    FormField(
        "ttl",
        ("localStorage", "ttl"),
        "kept",
        lambda text: SpecWishes(ttl=text),
        "seconds; 7776000 is 90 days",
    ),
    FormField(
        "endpoint",
        (*_S3, "endpoint"),
        "S3 endpoint",
        lambda text: SpecWishes(endpoint=text),
        "a URL, https://s3.example.com",
    ),
    FormField(
        "region",
        (*_S3, "region"),
        "S3 region",
        lambda text: SpecWishes(region=text),
        "us-east-1 where the server has none",
    ),
    FormField(
        "bucket", (*_S3, "bucket"), "S3 bucket", lambda text: SpecWishes(bucket=text), "its name"
    ),
    FormField(
        "dir",
        (*_S3, "dir"),
        "S3 directory",
        lambda text: SpecWishes(dir=text),
        "in the bucket; one for each cluster",
    ),
    FormField(
        "secretRef",
        (*_S3, "secretRef"),
        "S3 secret",
        lambda text: SpecWishes(secret_ref=text),
        "its name in namespace cpaas-system",
    ),
    FormField(
        "skipTLSVerify",
        (*_S3, "skipTLSVerify"),
        "skip TLS check",
        lambda text: SpecWishes(skip_tls_verify=_YES_NO[text]),
        "",
        switch=True,
    ),
)

S3_FIELDS = tuple(
    field for field in FIELDS if field.path[0] == "remoteStorage" and not field.switch
)
BY_KEY = {field.key: field for field in FIELDS}


def shown_fields(spec: Mapping[str, object]) -> tuple[FormField, ...]:
    """Without S3 its fields are nothing to change one by one: setting it up asks for all."""
    has_s3 = bool(BY_KEY["bucket"].value(spec))
    return tuple(field for field in FIELDS if has_s3 or field.path[0] != "remoteStorage")


def in_words(field: FormField, spec: Mapping[str, object], now: datetime) -> str:
    """The value with what it means."""
    value = field.value(spec)
    if field.key == "schedule":
        return _schedule(value)
    if field.key == "paused":
        return "yes: nothing is backed up" if value == "yes" else f"no{_next(spec, now)}"
    if field.key == "ttl":
        return retention_words(int(value) if value.isdigit() else None)
    return value or "–"


def draw_field(
    field: FormField, before: Mapping[str, object], after: Mapping[str, object], now: datetime
) -> Callable[[int], Content]:
    """The row, for any width; a change that is not written yet is marked."""
    changed = field.value(before) != field.value(after)
    words = in_words(field, after, now)

    def draw(width: int) -> Content:
        label = cell(Content.styled(field.label, "$muted"), _LABEL)
        if not changed:
            return line(" ", label, cut(words, width - _LABEL - 2))
        was = f"  (was {field.value(before) or 'not set'})"
        text = cut(words, max(8, width - _LABEL - 4 - len(was)))
        return line(" ", label, Mark.WARNING.beside(text), (was, "$muted"))

    return draw


def _schedule(cron: str) -> str:
    try:
        return f"{cron}, {parse_schedule(cron).words} (UTC)"
    except ConfigurationError as error:
        return error.what


def _next(spec: Mapping[str, object], now: datetime) -> str:
    """`; next 11-25 00:00, 11-25 06:00, 11-25 12:00 UTC`."""
    times = [f"{at:%m-%d %H:%M}" for at in next_times(BY_KEY["schedule"].value(spec), now)]
    return f"; next {', '.join(times)} UTC" if times else ""
