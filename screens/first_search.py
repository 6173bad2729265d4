"""What the first run has found so far, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from recovery.errors import NodeError, NotRootError, RescueError, UnknownHostKeyError
from recovery.inventory.discovery import Discovered, FoundNode, Reach
from recovery.inventory.model import Node


@dataclass
class FirstSearch:
    """Begins with one address; nodes come in as they are found."""

    first: Node | None = None
    """The node that is asked for the others; None until an address was typed."""
    met: dict[str, FoundNode] = field(default_factory=dict)
    found: Discovered | None = None
    """All of it, once the search has come to its end."""
    failure: RescueError | None = None
    """Why it did not."""
    called: str = ""
    """The cluster's name."""

    def forget(self) -> None:
        """What was found; the address and the name stay."""
        self.met, self.found, self.failure = {}, None, None

    def hear(self, found: FoundNode) -> None:
        """One more node, or more of a known one."""
        # Its own name comes after the address that it was asked by.
        if self.first is not None and found.node.host == self.first.host:
            self.met.pop(self.first.name, None)
        self.met[found.node.name] = found

    def take(self, found: Discovered) -> None:
        """The search has come to its end."""
        self.found = found
        self.met = {each.node.name: each for each in found.nodes}
        self.called = self.called or found.name

    def fail(self, error: RescueError) -> None:
        """The search could not go on."""
        self.failure = error
        known = self.met.get(self.first.name) if self.first is not None else None
        if known is not None and isinstance(error, NodeError):
            self.met = {known.node.name: FoundNode(known.node, Reach.FAILED, error)}

    def use_sudo(self) -> None:
        """Ask the same address through sudo."""
        if self.first is not None:
            self.first = replace(self.first, ssh=replace(self.first.ssh, sudo=True))

    @property
    def failed(self) -> Iterator[str]:
        """The names of the nodes that could not be asked."""
        return (name for name, each in self.met.items() if each.reach is Reach.FAILED)

    @property
    def reached(self) -> int:
        """How many nodes have answered."""
        return sum(each.reach is Reach.REACHED for each in self.met.values())

    def error_of(self, name: str | None) -> RescueError | None:
        """What stands in the way of that node, or of everything."""
        met = self.met.get(name or "")
        return met.error if met is not None and met.error is not None else self.failure

    def allows(self, action: str, error: RescueError | None) -> bool:
        """Whether the action can be done now; `error` is the one that is shown."""
        match action:
            case "write" | "view" | "name":
                return self.found is not None
            case "again" | "address":
                return self.first is not None
            case "trust":
                return isinstance(error, UnknownHostKeyError)
            case "sudo":
                return isinstance(error, NotRootError) and error.sudo_works
        return True
