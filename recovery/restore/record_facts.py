"""What a run's record holds beside its journal and its plan, as JSON files in its directory."""

from __future__ import annotations

import enum
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from recovery.errors import RescueError
from recovery.health.model import Check, HealthReport, MemberHealth

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

BEFORE_NAME = "before.json"
"""`Circumstances`: why the run was begun, and on what ground."""
HEALTH_NAME = "health.json"
"""`FinalChecks`: what was proven at the end."""
LEFTOVERS_NAME = "leftovers.json"
"""`Leftovers`: what a person should look at after the restore."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FinalChecks:
    """The last checks of a run."""

    at: str
    """RFC 3339 UTC."""
    whole: bool
    """False where only the members were compared, because some nodes come in later."""
    checks: tuple[Check, ...]
    members: tuple[MemberHealth, ...] = ()

    @classmethod
    def of(cls, report: HealthReport) -> FinalChecks:
        """All checks of the health screen."""
        return cls(rfc3339(report.at), True, report.checks, report.members)


def rfc3339(at: datetime) -> str:
    """A time as the record has it: UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def facts_text(facts: DataclassInstance) -> str:
    """Facts as JSON; enums by their values."""
    return json.dumps(asdict(facts, dict_factory=_plain), indent=1)


def read_facts(path: Path, kind: type[T]) -> T | None:
    """Facts of that kind; None where the file is not there. Raises RescueError where it is bad."""
    import cattrs

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RescueError(f"it cannot be read: {error}", where=str(path)) from error
    try:
        return cattrs.Converter().structure(json.loads(text), kind)
    except (ValueError, LookupError, TypeError, AttributeError, cattrs.BaseValidationError) as bad:
        raise RescueError(
            "it is not understood; another version of etcd-rescue may have written it",
            where=str(path),
            detail=str(bad),
        ) from bad


def _plain(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return {key: value.value if isinstance(value, enum.Enum) else value for key, value in pairs}
