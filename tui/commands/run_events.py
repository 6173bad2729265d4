"""A run's events on stderr: words for a person, or one JSON document a line."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
import sys
from datetime import UTC, datetime

from recovery.restore.events import (
    ActionEnded,
    Event,
    GateAsked,
    Outcome,
    Output,
    RunEnded,
    RunStarted,
    StepEnded,
    StepStarted,
    TransferProgress,
)
from recovery.restore.plan import Plan


class EventPrinter:
    """A listener that writes to stderr."""

    def __init__(self, plan: Plan, *, as_json: bool) -> None:
        self._plan = plan
        self._as_json = as_json

    def show(self, plan: Plan) -> None:
        """From now on events are of this plan."""
        self._plan = plan

    def hear(self, event: Event) -> None:
        """Write one event."""
        text = event_json(event) if self._as_json else self._words(event)
        if text:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def _words(self, event: Event) -> str:
        clock = event.at.strftime("%H:%M:%SZ")
        match event:
            case RunStarted():
                return f"{clock} run {event.run_id}, everything is kept in {event.log}"
            case StepStarted():
                number = [step.id for step in self._plan.steps].index(event.step) + 1
                step = self._plan.step(event.step)
                return f"{clock} step {number} of {len(self._plan.steps)}: {step.title}"
            case StepEnded() if event.outcome is not Outcome.DONE:
                return f"{clock} step {event.step}: {event.outcome.value}"
            case Output():
                return "\n".join(f"{clock} {event.node}  {line}" for line in event.lines)
            case ActionEnded() if event.outcome in (Outcome.FAILED, Outcome.SKIPPED):
                return f"{clock} {event.node}  {event.outcome.value}: {event.message}"
            case TransferProgress() if event.done == event.total:
                return f"{clock} {event.node}  {event.what}: all {event.total} bytes are there"
            case GateAsked():
                return ""
            case RunEnded():
                return f"{clock} {event.outcome.value}: {event.message}"
            case _:
                return ""


def tell_json(event: str, **fields: object) -> None:
    """One line of JSON on stderr for something that is no event of a run."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    sys.stderr.write(json.dumps({"event": event, "at": at, **fields}) + "\n")


def event_json(event: Event) -> str:
    """One event as one line of JSON: camelCase keys, `event` names its kind."""
    fields: dict[str, object] = {"event": _kebab(type(event).__name__)}
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        if isinstance(value, enum.Enum):
            value = value.value
        elif isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields[_camel(field.name)] = value
    return json.dumps(fields)


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
