"""The end of each command's help: examples, and what its exit status means."""

from __future__ import annotations

_USAGE = "2 wrong use"
_EXAMPLES: dict[str, tuple[tuple[str, ...], str]] = {
    "demo": (
        ("etcd-rescue demo", "etcd-rescue demo --headless --broken healthy"),
        "0 left in good order, 1 it could not be started",
    ),
    "snapshots": (
        ("etcd-rescue snapshots", "etcd-rescue snapshots -o json | jq '.snapshots[0].name'"),
        "0 listed, 1 no place at all could be listed",
    ),
    "inspect": (
        ("etcd-rescue inspect latest", "etcd-rescue inspect etcd-1:/cpaas/backup/x.tar -o json"),
        "0 read, 1 it is corrupt or cannot be fetched",
    ),
    "verify": (
        ("etcd-rescue verify latest", "etcd-rescue verify ./x.db", "etcd-rescue verify --all"),
        "0 all are sound, 1 any is bad",
    ),
    "diff": (
        ("etcd-rescue diff snapshot-etcd-2026-11-21 latest", "etcd-rescue diff ./a.db ./b.db"),
        "0 compared, 1 one of them cannot be read",
    ),
    "rehearse": (
        ("etcd-rescue rehearse latest",),
        "0 it came back and serves, 1 it did not",
    ),
    "check": (
        ("etcd-rescue check", "etcd-rescue check -o json"),
        "0 a restore can go ahead, 1 something speaks against it",
    ),
    "plan": (
        ("etcd-rescue plan latest > runbook.md", "etcd-rescue plan latest -o shell"),
        "0 printed, 1 the snapshot or the nodes cannot be read, 3 there can be no plan",
    ),
    "restore": (
        ("etcd-rescue restore latest --confirm prod-a",),
        "0 restored and proven, 1 a step failed, 3 refused, 4 interrupted (`runs resume` goes on)",
    ),
    "health": (
        ("etcd-rescue health", "etcd-rescue health --wait 300"),
        "0 every check passed, 1 any failed",
    ),
    "runs": (
        (
            "etcd-rescue runs",
            "etcd-rescue runs show",
            "etcd-rescue runs resume --confirm prod-a",
            "etcd-rescue runs report 7f3a > report.md",
        ),
        "0 done, 1 a step failed, 3 refused, 4 interrupted",
    ),
    "backup": (
        ("etcd-rescue backup show", "etcd-rescue backup now"),
        "0 done, 1 it failed, 3 refused",
    ),
    "help": (("etcd-rescue help", "etcd-rescue help restore"), "0 printed"),
}


def epilogue(name: str) -> str:
    """Examples and exit status of a command; only the status where no examples are known."""
    examples, status = _EXAMPLES.get(name, ((), "0 good, 1 the answer is bad, 3 refused"))
    lines = ["examples:", *(f"  {example}" for example in examples), ""] if examples else []
    return "\n".join([*lines, f"Exit status: {status}, {_USAGE}."])
