"""One demo for all tests of this room, and a new one after a test has failed on it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack

import pytest

from tests.end_to_end.demo_cluster import running_demo
from tests.faults.lab import ROLL_BACK, Lab

FAILED = pytest.StashKey[bool]()


class Labs:
    """Starts a demo when one is wanted and none is there. It costs as much as half a restore."""

    def __init__(self, directories: pytest.TempPathFactory) -> None:
        self._directories = directories
        self._demo = ExitStack()
        self._lab: Lab | None = None

    def take(self) -> Lab:
        """The lab; its cluster is broken where nobody had it before, and healthy otherwise."""
        if self._lab is None:
            demo = self._demo.enter_context(running_demo(self._directories.mktemp("home")))
            self._lab = Lab(demo, self._directories.mktemp("scratch"))
        return self._lab

    def spoil(self) -> None:
        """Whoever comes next needs another one."""
        self._lab = None
        self._demo.close()


@pytest.fixture(scope="session")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labs]:
    """All of the session."""
    made = Labs(tmp_path_factory)
    try:
        yield made
    finally:
        made.spoil()


@pytest.fixture
def lab(labs: Labs, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The lab for one test, which leaves its cluster healthy and cleaned up."""
    yield labs.take()
    if request.node.stash.get(FAILED, True):
        labs.spoil()


@pytest.fixture
def healthy_lab(lab: Lab) -> Lab:
    """The same, restored once where nobody has done that yet."""
    if not lab.demo.json("runs", "list")["runs"]:
        lab.good("restore", "latest", *ROLL_BACK)
        lab.good("runs", "clean")
    return lab


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember how the test itself ended."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report
