"""Short ways to write down a check's answer."""

from __future__ import annotations

from recovery.health.model import Check, CheckStatus


def ok(name: str, scope: str, message: str, meaning: str = "") -> Check:
    """A check that passed."""
    return Check(name, scope, CheckStatus.OK, message, meaning)


def warned(name: str, scope: str, message: str, meaning: str, remedy: str = "") -> Check:
    """A check that a person has to read before going on."""
    return Check(name, scope, CheckStatus.WARNING, message, meaning, remedy)


def failed(name: str, scope: str, message: str, meaning: str, remedy: str) -> Check:
    """A check that did not pass."""
    return Check(name, scope, CheckStatus.FAILED, message, meaning, remedy)


def skipped(name: str, scope: str, message: str, remedy: str = "") -> Check:
    """A check that could not be made."""
    meaning = "Nothing is known here, so nothing is proven."
    return Check(name, scope, CheckStatus.SKIPPED, message, meaning, remedy)
