"""The backup configuration as a form: what was read, what was changed here, what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from recovery.backups.configuration_words import source_words
from recovery.backups.seen_configuration import SeenConfiguration, Source
from recovery.backups.spec_change import SpecChange, edited, made_anew, spec_yaml, wished
from recovery.errors import ConfigurationError
from screens.backup_fields import BY_KEY, FormField
from screens.wording import age, moment

_CHANGING = ("change", "write", "set_up", "drop")


@dataclass
class BackupForm:
    """Nothing in it is written before somebody says so."""

    seen: SeenConfiguration | None = None
    """None until it was read."""
    after: Mapping[str, object] = field(default_factory=dict)
    """The spec with what was changed here and is not written yet."""
    draft: str = ""
    """YAML that was left before it was taken."""

    def take(self, seen: SeenConfiguration) -> None:
        """What was read; changes that are not written yet stay, made on top of it."""
        self.after = made_anew(self.change, seen.raw).after if self.seen is not None else seen.raw
        self.seen = seen

    def take_written(self, seen: SeenConfiguration) -> None:
        """What was written and read again: nothing is pending any more."""
        self.seen, self.after = seen, seen.raw

    def hold(self, after: Mapping[str, object]) -> None:
        """What the form holds from now on."""
        self.after, self.draft = after, ""

    @property
    def before(self) -> Mapping[str, object]:
        """The spec as it was read."""
        return self.seen.raw if self.seen is not None else {}

    @property
    def change(self) -> SpecChange:
        """From what was read to what stands in the form."""
        return SpecChange(self.before, self.after)

    @property
    def changed(self) -> list[FormField]:
        """The fields that differ from what was read."""
        before = self.before
        changed = [each for each in BY_KEY.values() if each.value(before) != each.value(self.after)]
        return changed or ([BY_KEY["schedule"]] if self.after != before else [])

    @property
    def yaml(self) -> str:
        """The spec in the form, or the text that was left before it was taken."""
        return self.draft or spec_yaml(self.after)

    def wish(self, each: FormField, text: str) -> SpecChange:
        """What the form would hold with this value."""
        return wished(self.after, each.wish(text))

    def wrong_with(self, text: str) -> list[str]:
        """What is wrong with the spec as this YAML."""
        try:
            problems = edited(self.before, text).problems
        except ConfigurationError as error:
            problems = (error,)
        return [f"{one.where}: {one.what}" for one in problems]

    def origin(self, now: datetime) -> str:
        """Where it was read, and how old it is where it is not the cluster's own."""
        if self.seen is None:
            return ""
        if self.seen.source is Source.LAST_SEEN:
            ago = age(self.seen.seen_at, now)
            return f"as last seen {moment(self.seen.seen_at)} UTC, {ago} ago: no API server answers"
        return source_words(self.seen)

    def refusal(self, action: str) -> str:
        """What the source of the configuration does not allow; empty where the action can go."""
        if action not in (*_CHANGING, "try", "now", "yaml"):
            return ""
        if self.seen is None:
            return "The configuration has not been read yet."
        if action == "yaml":
            return ""
        if action == "try":
            return "" if BY_KEY["bucket"].value(self.after) else "No bucket is configured."
        if action in ("write", "drop") and not self.changed:
            return "Nothing was changed here."
        if action == "drop" or (action == "now" and self.seen.source is Source.INVENTORY):
            return ""
        return _NO_PLATFORM[self.seen.source]


_NO_PLATFORM = {
    Source.CLUSTER: "",
    Source.LAST_SEEN: "No API server answers: what is shown was seen earlier.",
    Source.INVENTORY: (
        "The cluster has no such resource: edit `backup` in the inventory (y copies)."
    ),
    Source.NONE: "No API server answers, and the inventory has no `backup` block.",
}
