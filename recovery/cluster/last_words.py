"""The end of an etcd container's log: asked for on the node, and read for what it means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from recovery.cluster.etcd_exit import EtcdExit, ExitCause
from recovery.cluster.sections import SECTION_SH, read_sections
from recovery.ssh.plain_text import plain_line
from recovery.ssh.script import script

if TYPE_CHECKING:
    from recovery.cluster.facts import Container

LOG_LINES = 60
"""Lines of the log that are asked for; etcd says much while it ends."""

KEPT_LINES = 6
LONGEST = 300
"""Characters kept of one line; etcd's JSON lines name every option."""

_YOUNG = 30.0
"""Seconds after its start in which a container may not yet have met what ended the one before."""

_LOG = rf"""
{SECTION_SH}
# The ids of etcd's containers, the newest first.
for CONTAINER in $CONTAINERS; do
  section log
  crictl inspect -o json "$CONTAINER" 2> /dev/null | awk -F : '
    /"exitCode"/ {{ gsub(/[^0-9]/, "", $2); code = $2; exit }}
    END {{ print "exit=" code }}'
  timeout 10 crictl logs --tail "$LINES_WANTED" "$CONTAINER" 2>&1 | cut -c 1-4000 || true
done
section end
"""

# The first that fits the reason, or else any of the last lines, is taken.
_CAUSES: tuple[tuple[str, ExitCause], ...] = (
    (r"no space left on device|disk quota exceeded", ExitCause.DISK_FULL),
    (r"address already in use", ExitCause.PORT_IN_USE),
    (
        r"member count is unequal|has already been bootstrapped|cluster id mismatch"
        r"|mismatched member id|member has been permanently removed|the member has been removed"
        r"|cannot fetch cluster info from peer urls|couldn't find local name"
        r"|missing from --initial-advertise-peer-urls|unmatched member",
        ExitCause.MEMBERSHIP,
    ),
    (
        r"invalid database|version mismatch|checksum error|file size too small|crc mismatch"
        r"|walpb: crc|wal: |snap: |page \d+ already freed|assertion failed|database file .* found"
        r"|failed to recover v3 backend|failed to find \[snapshot"
        r"|no such file or directory.*snap|tocommit\(\d+\) is out of range|invalid page type"
        r"|failed to open database|checkInitialHashKV|found data inconsistency|unexpected fault",
        ExitCause.DATA,
    ),
    (r"x509|certificate|tls: ", ExitCause.CERTIFICATE),
    (r"permission denied|operation not permitted", ExitCause.PERMISSION),
)

_WORST = ("panic", "fatal", "error")
_BAD = ("warn", *_WORST)
_BY_SIGNAL: dict[int | None, str] = {
    137: "it was killed (SIGKILL), by somebody or for want of memory",
    143: "it was told to end (SIGTERM)",
}
_OLD_FORM = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ ([CEWIN]) \| (.*)$")
_OLD_LEVELS = {"C": "fatal", "E": "error", "W": "warn"}
_TELLING = ("error", "remote-peer-cert-error", "reason")


def telling_containers(containers: Sequence[Container], now: float) -> tuple[Container, ...]:
    """The etcd containers whose logs tell why etcd does not answer, the newest first.

    `now` is the node's own clock, in seconds since 1970.
    """
    own = sorted(
        (container for container in containers if container.name == "etcd"),
        key=lambda container: (container.created_at, container.attempt),
        reverse=True,
    )
    if not own or not own[0].running or now - own[0].created_at > _YOUNG:
        return tuple(own[:1])
    return tuple(own[:2])


def log_script(containers: Sequence[Container], marker: str) -> str:
    """The script that reads the ends of these containers' logs; it changes nothing."""
    ids = " ".join(one.id for one in containers if one.id.isalnum())
    return script(_LOG, containers=ids, lines_wanted=LOG_LINES, marker=marker)


def read_exit(containers: Sequence[Container], output: str, marker: str) -> EtcdExit | None:
    """What the script printed, of the container that says most; None where there is none."""
    logs = [section.text for section in read_sections(output, marker) if section.name == "log"]
    found = [_read(one, log) for one, log in zip(containers, logs, strict=False)]
    known = [one for one in found if one.cause is not ExitCause.UNKNOWN]
    ended = [one for one in found if not one.running]
    return next(iter(known or ended or found), None)


def _read(container: Container, output: str) -> EtcdExit:
    first, _, log = output.partition("\n")
    code = first.removeprefix("exit=")
    exit_code = int(code) if code.isdecimal() and not container.running else None
    told = [one for line in log.splitlines() if (one := _told(plain_line(line)))[1]]
    cause, reason = _judged(told)
    bad = [words for level, words in told if level in _BAD]
    return EtcdExit(
        container_id=container.id,
        attempt=container.attempt,
        running=container.running,
        exit_code=exit_code,
        reason=_cut(_BY_SIGNAL.get(exit_code, reason) if cause is ExitCause.UNKNOWN else reason),
        cause=cause,
        lines=tuple(dict.fromkeys(_cut(words) for words in bad[-KEPT_LINES:])),
    )


def _judged(told: Sequence[tuple[str, str]]) -> tuple[ExitCause, str]:
    """What ended it, and the line that says so.

    Only the line with which etcd gave up speaks about its data: warnings on the way, of a peer's
    broken connection for example, sound much the same.
    """
    for wanted in ("panic", "fatal"):
        last = [words for level, words in told if level == wanted]
        if last:
            known = _cause_of(last[-1])
            if known is not ExitCause.UNKNOWN:
                return known, last[-1]
    bad = [words for level, words in told if level in _BAD]
    dated = [words for words in bad if "expired" in words]
    for words in (*dated, *reversed(bad)):
        known = _cause_of(words)
        if not known.spoils_data and known is not ExitCause.UNKNOWN:
            return known, words
    return ExitCause.UNKNOWN, _reason(told)


def _cause_of(words: str) -> ExitCause:
    found = (cause for pattern, cause in _CAUSES if re.search(pattern, words, re.IGNORECASE))
    return next(found, ExitCause.UNKNOWN)


def _reason(told: Sequence[tuple[str, str]]) -> str:
    """The last of the worst lines; a goroutine's trace after a panic tells a person nothing."""
    for wanted in _WORST:
        for level, words in reversed(told):
            if level == wanted:
                return words
    return ""


def _told(line: str) -> tuple[str, str]:
    """(level, words) of a line of etcd's log: JSON since 3.4's zap logger, capnslog before."""
    found = _OLD_FORM.match(line)
    if found:
        return _OLD_LEVELS.get(found[1], "info"), found[2].strip()
    if line.startswith("panic:"):
        return "panic", line.removeprefix("panic:").strip()
    try:
        entry = json.loads(line)
    except ValueError:
        return "info", "" if line.startswith(("goroutine ", "\t")) else line.strip()
    if not isinstance(entry, dict):
        return "info", line.strip()
    return str(entry.get("level", "info")), plain_line(": ".join(_parts(entry)))


def _parts(entry: dict[str, object]) -> Iterator[str]:
    said: list[str] = []
    for field in ("msg", *_TELLING):
        value = entry.get(field)
        if isinstance(value, str) and value and value not in said:
            said.append(value)
            yield value


def _cut(text: str) -> str:
    """Without its middle where it is long: etcd prints whole structures before the point."""
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} … {text[3 - half :]}"
