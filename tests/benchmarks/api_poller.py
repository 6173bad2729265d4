"""Asks every API server for /readyz, from outside and all the time, while something is done."""

from __future__ import annotations

import enum
import http.client
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

INTERVAL_SECONDS = 0.1
_PATIENCE_SECONDS = 1.0
_PORT = 6443


class Answer(enum.Enum):
    """What an API server says."""

    READY = "ready"
    NOT_READY = "not ready"
    """It listens, but it says no, or nothing within a second."""
    REFUSED = "refused"
    """Nothing listens."""


class ApiPoller:
    """The answers over time. All times are those of `time.monotonic`."""

    def __init__(self, addresses: Mapping[str, str], authority: Path) -> None:
        self._addresses = addresses
        self._tls = ssl.create_default_context(cafile=str(authority))
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._latest = dict.fromkeys(addresses, Answer.REFUSED)
        self._states: list[tuple[float, frozenset[Answer]]] = []

    @contextmanager
    def polling(self) -> Iterator[None]:
        """Ask as long as this is open."""
        threads = [
            threading.Thread(target=self._poll, args=(name,), daemon=True)
            for name in self._addresses
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def wait_until(self, *, ready: bool, seconds: float) -> None:
        """Return when all are ready, or when one is not; AssertionError when it takes too long."""
        deadline = time.monotonic() + seconds
        while (set(self._latest.values()) == {Answer.READY}) is not ready:
            assert time.monotonic() < deadline, f"after {seconds:g} s: {self._latest}"
            self._ended.wait(0.02)

    def ready_again(self, since: float) -> float:
        """When all were ready at once, after one of them was not; counted from `since`."""
        was_down = False
        for begun, until, answers in self._periods():
            if until <= since:
                continue
            if answers != {Answer.READY}:
                was_down = True
            elif was_down:
                return begun
        raise AssertionError("the API servers were not ready again")

    def nobody_listened(self, since: float, until: float) -> float:
        """Seconds between the two during which no API server listened at all."""
        return sum(
            max(0.0, min(end, until) - max(begun, since))
            for begun, end, answers in self._periods()
            if answers == {Answer.REFUSED}
        )

    def _periods(self) -> Iterator[tuple[float, float, frozenset[Answer]]]:
        with self._lock:
            states = list(self._states)
        ends = [at for at, _ in states[1:]] + [time.monotonic()]
        for (at, answers), end in zip(states, ends, strict=True):
            yield at, end, answers

    def _poll(self, name: str) -> None:
        while not self._ended.is_set():
            begun = time.monotonic()
            answer = self._ask(self._addresses[name])
            with self._lock:
                self._latest[name] = answer
                together = frozenset(self._latest.values())
                if not self._states or self._states[-1][1] != together:
                    self._states.append((time.monotonic(), together))
            self._ended.wait(max(0.0, INTERVAL_SECONDS - (time.monotonic() - begun)))

    def _ask(self, address: str) -> Answer:
        connection = http.client.HTTPSConnection(
            address, _PORT, timeout=_PATIENCE_SECONDS, context=self._tls
        )
        try:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            response.read()
        except ConnectionRefusedError:
            return Answer.REFUSED
        except (OSError, http.client.HTTPException):
            return Answer.NOT_READY
        finally:
            connection.close()
        return Answer.READY if response.status == 200 else Answer.NOT_READY
