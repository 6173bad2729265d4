"""What comes out of a script."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """How a script on a node ended, and what it wrote."""

    node: str
    exit_status: int | None
    """None: nobody knows how it ended. That is never success."""
    stdout: str
    """Without control sequences. Where it was very long, only its beginning and its end."""
    stderr: str
    truncated: bool = False
    """Whether something in the middle of stdout is missing."""

    @property
    def succeeded(self) -> bool:
        """Whether it is known to have ended with status 0."""
        return self.exit_status == 0
