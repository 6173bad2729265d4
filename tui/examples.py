"""The end of each command's help: what it touches, examples, and what its exit status means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Ending:
    touches: str
    """One sentence: what is changed, and where."""
    good: str
    """What exit status 0 means."""
    examples: tuple[str, ...] = ()
    bad: str = ""
    """What 1 means; nothing where it cannot be."""
    refused: str = ""
    interrupted: str = "interrupted"


_NOTHING = "Changes nothing on the cluster."
_READS = "Changes nothing on the cluster; keeps what it fetches in the cache of this machine."

_ENDINGS = {
    "demo": _Ending(
        "Touches no cluster but its own, which is gone in the end.",
        "left in good order",
        ("etcd-rescue demo", "etcd-rescue demo --headless --broken healthy"),
        bad="it could not be started",
    ),
    "discover": _Ending(
        "Changes nothing anywhere.",
        "found",
        (
            "etcd-rescue discover root@10.0.0.11 > etcd-rescue.yaml",
            "etcd-rescue discover ops@etcd-1 --sudo --proxy-jump ops@gate --name prod-a",
        ),
        bad="the node cannot be logged in to",
    ),
    "snapshots": _Ending(
        _NOTHING,
        "listed",
        (
            "etcd-rescue snapshots",
            "etcd-rescue snapshots -o json | jq -r '.snapshots[] | select(.usable) | .name'",
        ),
        bad="no place at all could be listed",
    ),
    "inspect": _Ending(
        _READS,
        "read",
        ("etcd-rescue inspect latest", "etcd-rescue inspect etcd-1:/cpaas/backup/x.tar -o json"),
        bad="it is corrupt, or cannot be had",
    ),
    "verify": _Ending(
        _READS,
        "all are sound",
        ("etcd-rescue verify latest", "etcd-rescue verify ./x.db", "etcd-rescue verify --all"),
        bad="any is not, or cannot be had",
    ),
    "diff": _Ending(
        _READS,
        "compared, whether they differ or not",
        ("etcd-rescue diff snapshot-etcd-20261121 latest", "etcd-rescue diff ./a.db ./b.db"),
        bad="one of them cannot be read",
    ),
    "rehearse": _Ending(
        _READS,
        "it came back and serves",
        ("etcd-rescue rehearse latest",),
        bad="it did not",
        refused="nothing could be tried here, which says nothing about the snapshot",
    ),
    "check": _Ending(
        _NOTHING,
        "healthy, and nothing speaks against a restore",
        ("etcd-rescue check", "etcd-rescue check -o json | jq .diagnosis.sentence"),
        bad="something is wrong",
    ),
    "plan": _Ending(
        _READS,
        "printed",
        (
            "etcd-rescue plan latest > runbook.md",
            "etcd-rescue plan latest -o shell > runbook.sh",
        ),
        bad="the snapshot or the nodes cannot be read",
        refused="there can be no plan",
    ),
    "restore": _Ending(
        "Takes the API down and replaces etcd's data on every control-plane node; the old data is "
        "set aside, never deleted. `plan` shows the same without doing it.",
        "restored and proven",
        (
            "etcd-rescue restore latest --confirm prod-a",
            "etcd-rescue restore latest --confirm prod-a --without etcd-3",
        ),
        bad="a step failed",
        refused="refused: preflight failed, or consent is missing",
        interrupted="interrupted, or left short of a node: `runs resume` goes on",
    ),
    "health": _Ending(
        "Writes one key of its own into etcd, and removes it again.",
        "every check passed",
        ("etcd-rescue health", "etcd-rescue health --wait 300"),
        bad="any failed",
    ),
    "runs": _Ending(
        "`list`, `show` and `report` change nothing. `resume` and `rollback` change every "
        "control-plane node; `clean` deletes what the run has set aside on them.",
        "done",
        (
            "etcd-rescue runs",
            "etcd-rescue runs show",
            "etcd-rescue runs resume --confirm prod-a",
            "etcd-rescue runs report > report.md",
        ),
        bad="a step failed",
        refused="refused",
        interrupted="interrupted: `runs resume` goes on",
    ),
    "backup": _Ending(
        "`show` and `unit` change nothing; `set` asks before it does.",
        "done",
        ("etcd-rescue backup show", "etcd-rescue backup now", "etcd-rescue backup set --help"),
        bad="it failed",
        refused="refused",
    ),
    "backup show": _Ending(
        _NOTHING, "a configuration is known", ("etcd-rescue backup show",), bad="none is"
    ),
    "backup now": _Ending(
        "Writes a file to the backup directories and to S3, and deletes there what is past its "
        "ttl.",
        "every place has it",
        ("etcd-rescue backup now", "etcd-rescue backup now --directly"),
        bad="any has not",
    ),
    "backup run": _Ending(
        "Does what `backup now` does, again and again.",
        "stopped between two backups",
        ("etcd-rescue backup run", "etcd-rescue backup run --cluster prod-a"),
        refused="the platform takes the backups",
        interrupted="stopped in the middle of one",
    ),
    "backup unit": _Ending(
        "Changes nothing.",
        "printed",
        ("etcd-rescue backup unit > /etc/systemd/system/etcd-rescue-backup.service",),
    ),
    "help": _Ending(
        "Changes nothing.", "printed", ("etcd-rescue help", "etcd-rescue help restore")
    ),
}


def epilogue(name: str) -> str:
    """The end of a command's help; what is not known of it is left out."""
    ending = _ENDINGS.get(name)
    if ending is None:
        return ""
    examples = ["examples:", *(f"  {example}" for example in ending.examples), ""]
    return "\n".join([ending.touches, "", *examples, exit_status_of(name)])


def exit_status_of(name: str) -> str:
    """One line: what the exit status of a command means."""
    ending = _ENDINGS[name]
    said = [
        f"0 {ending.good}",
        f"1 {ending.bad}" if ending.bad else "",
        "2 wrong use",
        f"3 {ending.refused}" if ending.refused else "",
        f"4 {ending.interrupted}",
    ]
    return f"Exit status: {', '.join(filter(None, said))}."
