"""A demo whose restores are killed, taken up again or led back, and what it must hold then."""

from __future__ import annotations

import base64
import json
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

from recovery.rehearsal.node.etcd_gateway import EtcdGateway
from tests.end_to_end.demo_cluster import Demo, clean_environment
from tests.end_to_end.snapshot_contents import contents_by_etcd

MARK = "/registry/etcd-rescue-marks/"

ROLL_BACK = ("--acknowledge-warnings", "--quorum-is-alive")
"""The two yeses to a restore of a cluster that is not lost."""


@dataclass(frozen=True)
class KillPoint:
    """A line of the journal, and on which side of it the program dies."""

    when: str
    event: str
    action: str
    count: int

    def __str__(self) -> str:
        return f"{self.when} {self.event} {self.action} {self.count}"


class Lab:
    """One demo, restored again and again from its newest good snapshot, or from another one."""

    def __init__(self, demo: Demo, scratch: Path, reference: str = "latest") -> None:
        self.demo = demo
        self.reference = reference
        planned = demo.json("plan", reference)
        self.snapshot: str = planned["snapshot"]
        listed = Path(demo.nodes()[0]["paths"]["backups"]) / self.snapshot
        archive = listed if reference == "latest" else Path(reference)
        self.wanted = contents_by_etcd(archive, scratch)
        self.plan = planned

    def kill_points(self) -> list[KillPoint]:
        """Around every action: all begun and none done; done and not written down; written down."""
        points = []
        for step in self.plan["steps"]:
            counts: dict[str, int] = {}
            for entry in step["actions"]:
                name = entry["id"].partition("@")[0]
                counts[name] = counts.get(name, 0) + len(entry["nodes"])
            # Not in later plans: the cluster has a quorum then, and etcd.yaml says `existing`.
            counts.pop("quorum-still-lost", None)
            counts.pop("edit-manifest", None)
            for name, count in counts.items():
                points += [
                    KillPoint("before", "action-started", name, 1),
                    KillPoint("after", "action-started", name, count),
                    KillPoint("before", "action-ended", name, 1),
                    KillPoint("after", "action-ended", name, count),
                ]
        return points

    def restore_killed(self, point: KillPoint, *, seconds: float = 120) -> None:
        """Begin a restore that dies at this point."""
        killed = self.start_killed(point)
        try:
            out, err = killed.communicate(timeout=seconds)
        finally:
            killed.kill()
        assert killed.returncode == -signal.SIGKILL, (str(point), killed.returncode, out, err)

    def start_killed(self, point: KillPoint) -> subprocess.Popen[str]:
        """Begin a restore that will die at this point; not waited for."""
        program = [sys.executable, "-m", "tests.faults.killed_program"]
        where = [point.when, point.event, point.action, str(point.count)]
        command = ["--inventory", str(self.demo.inventory), "restore", self.reference]
        return subprocess.Popen(
            [*program, *where, *command, "--confirm", "demo", *ROLL_BACK],
            env=clean_environment(self.demo.home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """A command that changes nodes, with the consent it needs."""
        return self.demo.command(*arguments, "--confirm", "demo", seconds=seconds)

    def elsewhere(self, home: Path) -> Lab:
        """The same cluster, seen from another home directory, as from another bastion."""
        other = copy(self)
        other.demo = replace(self.demo, home=home)
        return other

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that changes nodes, begun and not waited for."""
        program = [sys.executable, "-m", "tui.command_line"]
        return subprocess.Popen(
            [*program, "--inventory", str(self.demo.inventory), *arguments, "--confirm", "demo"],
            env=clean_environment(self.demo.home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def wait_for_event(running: subprocess.Popen[str], event: str, name: str) -> None:
        """Read its events (`--events json`) until this one has come."""
        assert running.stderr is not None
        line = "nothing"
        for line in running.stderr:
            told = json.loads(line)
            if told["event"] == event and name in (told.get("step"), told.get("action")):
                return
        raise AssertionError(f"{event} {name} never came; the last was {line}")

    @staticmethod
    def wait_until_silent(running: subprocess.Popen[str], seconds: float) -> None:
        """Read its events until none has come for so long: it waits for something."""
        assert running.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(running.stderr, selectors.EVENT_READ)
            while selector.select(seconds):
                if not running.stderr.readline():
                    return

    def fault(self, node: str, *words: str) -> None:
        """Give a node a fault, or take it back (recovery.rehearsal.node.faults)."""
        command = self.demo.directory / "nodes" / node / "fault"
        subprocess.run([command, *words], check=True, capture_output=True, timeout=60)

    @staticmethod
    def wait_for_words(running: subprocess.Popen[str], node: str, words: str) -> None:
        """Read its events until a node's output, or what is said about it, has these words."""
        assert running.stderr is not None
        for line in running.stderr:
            told = json.loads(line)
            if told.get("node") == node and words in str(told.get("lines")):
                return
        raise AssertionError(f"{node} never said {words!r}")

    def good(self, *arguments: str) -> str:
        """The same, which must succeed; its stderr."""
        ran = self.run(*arguments)
        assert ran.returncode == 0, (arguments, ran.stdout[-2000:], ran.stderr[-6000:])
        return ran.stderr

    def newest_run(self) -> dict[str, object]:
        """The newest run as `runs list` has it."""
        runs = json.loads(self.demo.command("runs", "list", "-o", "json").stdout)["runs"]
        newest: dict[str, object] = runs[0]
        return newest

    def has_exactly_the_snapshot(self) -> None:
        """Every member, asked by itself, holds the snapshot's keys and values and no others."""
        for node in self.demo.nodes():
            held = self.demo.contents(node)
            assert held == self.wanted, (node["name"], set(held) ^ set(self.wanted))

    def leave_mark(self, name: str) -> None:
        """Write a key that no snapshot has, so that the old data can be told from the new."""
        self.gateway().call(
            "/v3/kv/put", {"key": _b64(MARK + name), "value": _b64("here")}, timeout=10
        )

    def has_mark(self, name: str, nodes: Iterable[dict[str, object]] | None = None) -> bool:
        """Whether every member holds the key; AssertionError where they differ."""
        answers = {
            str(node["name"]): _b64(MARK + name) in self.demo.contents(node)
            for node in nodes or self.demo.nodes()
        }
        assert len(set(answers.values())) == 1, answers
        return next(iter(answers.values()))

    def gateway(self, index: int = 0) -> EtcdGateway:
        """One member's door."""
        node = self.demo.nodes()[index]
        pki = Path(node["paths"]["pki"])
        return EtcdGateway(
            f"https://{node['host']}:2379",
            str(pki / "ca.crt"),
            str(pki / "server.crt"),
            str(pki / "server.key"),
        )

    def old_data_came_back_unchanged(self) -> None:
        """What was set aside and brought back is the same files, by inode, size and time."""
        run = str(self.newest_run()["id"])
        for node in self.demo.nodes():
            staging = Path(node["paths"]["dataDir"]).parent / f".etcd-rescue-{run}"
            aside, now = staging / "aside.list", staging / "aside.list.now"
            if (staging / "aside").exists():
                assert (staging / "back").exists(), node["name"]
                assert not (staging / "aside/member").exists(), node["name"]
                if aside.exists():
                    assert aside.read_text() == now.read_text()
                    assert aside.read_text().count("\n") >= 3


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
