"""What all tests share: none of them judges how fast this machine is."""

from __future__ import annotations

import gc

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_collection_finish(session: pytest.Session) -> None:
    """All tests and modules live to the end: going through them for garbage again and again takes
    a quarter of the screens' tests' time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
