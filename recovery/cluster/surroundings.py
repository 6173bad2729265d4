"""What else lives on a node and can cross a restore: services, schedules, the kind of system.

Facts: systemd.unit(5) for UpheldBy and TriggeredBy (what starts a unit again by itself),
os-release(5) for the system's id, ostree's /run/ostree-booted (ostree-prepare-root).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

ETCD_UNITS = ("etcd", "etcd2", "etcd-member", "etcd3")
"""An etcd of systemd's own, beside the static pod."""

RESTARTING_UNITS = ("monit", "watchdog", "node-problem-detector", "kubelet-healthcheck")
"""Services that start others again, or the whole machine."""

AGENT_UNITS = ("puppet", "chef-client", "salt-minion", "cfengine3", "cf-execd")
"""Configuration management: puts files and services back as it wants them."""

REBOOTING_UNITS = ("locksmithd", "zincati", "rpm-ostreed-automatic", "transactional-update")
"""Automatic updates that end in a reboot."""

_UNITS = (*ETCD_UNITS, *RESTARTING_UNITS, *AGENT_UNITS, *REBOOTING_UNITS)

SCHEDULES = (
    "/etc/crontab",
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/var/spool/cron",
    "/etc/monitrc",
    "/etc/monit",
    "/etc/monit.d",
    "/etc/keepalived",
    "/etc/systemd/system",
)
"""Where a machine's owner writes down what is to be started again, and when."""

_KUBELET_RELATIONS = ("UpheldBy", "TriggeredBy", "WantedBy", "RequiredBy", "BoundBy")

SURROUNDINGS_SH = r"""
told() { printf '%s=%s\n' "$1" "$2"; }
# The nearest directory above a path that exists.
ground_of() {
  P=$1
  while [ ! -d "$P" ]; do P=$(dirname "$P"); done
  printf '%s\n' "$P"
}
system() {
  for FILE in /etc/os-release /usr/lib/os-release; do
    [ -r "$FILE" ] || continue
    sed -n 's/^\(ID\|VARIANT_ID\|PRETTY_NAME\)=/os_&/p' "$FILE"
    break
  done
  if [ -e /run/ostree-booted ]; then told ostree yes; fi
  if [ ! -w /usr ]; then told usr read-only; fi
  for PROGRAM in restorecon chcon kubectl openssl; do
    if command -v "$PROGRAM" > /dev/null; then told has "$PROGRAM"; fi
  done
}
# Directories that are written to: whether they can be.
writable() {
  for DIRECTORY in "$@"; do
    if [ ! -w "$(ground_of "$DIRECTORY")" ]; then told read_only "$DIRECTORY"; fi
  done
}
services() {
  command -v systemctl > /dev/null || return 0
  # One word a unit, in order.
  STATES=$(timeout 10 systemctl is-active "$@" 2> /dev/null || true)
  NUMBER=0
  for STATE in $STATES; do
    NUMBER=$((NUMBER + 1))
    told "unit_$NUMBER" "$STATE"
  done
  timeout 10 systemctl show kubelet -p UpheldBy -p TriggeredBy -p WantedBy -p RequiredBy \
    -p BoundBy 2> /dev/null || true
}
# Files that start or restart kubelet or etcd; kubelet's and etcd's own units are left out.
schedules() {
  timeout 10 grep -rlsE --exclude='kubelet.service' --exclude='etcd*.service' \
    --exclude-dir='kubelet.service.d' \
    '^[^#]*(systemctl|service)[^#]*(start[^#]*(kubelet|etcd)|(kubelet|etcd)[^#]*start)' "$@" \
    2> /dev/null < /dev/null | head -n 8 | sed 's/^/schedule=/' || true
}
"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one node says beside what concerns etcd itself."""

    os_id: str = ""
    """ID of os-release, lower case: `ubuntu`, `flatcar`."""
    os_variant: str = ""
    os_name: str = ""
    """PRETTY_NAME of os-release, for a person."""
    ostree: bool = False
    usr_read_only: bool = False
    read_only: tuple[str, ...] = ()
    """Directories that are to be written to and cannot be."""
    programs: frozenset[str] = frozenset()
    """Which of restorecon, chcon, kubectl and openssl are on the PATH."""
    active_units: tuple[str, ...] = ()
    """Those of the units named above that run, or are being started over and over."""
    units_known: bool = False
    """Whether systemd has answered about every one of them."""
    kubelet_started_by: tuple[str, ...] = ()
    """Units other than targets that start kubelet again, trigger it or want it."""
    schedules: tuple[str, ...] = ()
    """Files that start or restart kubelet or etcd."""
    has_admin_kubeconfig: bool = False

    @property
    def immutable(self) -> bool:
        """Whether the system's own files cannot be changed while it runs."""
        return self.ostree or self.usr_read_only or self.os_id in _IMMUTABLE


_IMMUTABLE = frozenset(
    {"flatcar", "coreos", "rhcos", "bottlerocket", "talos", "opensuse-microos", "sle-micro"}
    | {"sl-micro", "kairos", "container-optimized-os", "cos"}
)
"""os-release ids of systems that are replaced as a whole and never changed in place."""


def surroundings_script(
    admin_kubeconfig: str, written_to: Iterable[str], schedules: Iterable[str] = SCHEDULES
) -> str:
    """The lines that print it; they need SURROUNDINGS_SH."""
    return "".join(
        shlex.join(words) + "\n"
        for words in (
            ["system"],
            ["writable", *written_to],
            ["services", *_UNITS],
            ["schedules", *schedules],
        )
    ) + (f"if [ -f {shlex.quote(admin_kubeconfig)} ]; then told admin_kubeconfig yes; fi\n")


def read_surroundings(text: str) -> Surroundings:
    """What those lines printed."""
    said: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            said.setdefault(name, []).append(value.strip().strip("\"'"))

    def first(name: str) -> str:
        return said.get(name, [""])[0]

    states = [first(f"unit_{number}") for number in range(1, len(_UNITS) + 1)]
    return Surroundings(
        os_id=first("os_ID").lower(),
        os_variant=first("os_VARIANT_ID").lower(),
        os_name=first("os_PRETTY_NAME"),
        ostree="ostree" in said,
        usr_read_only="usr" in said,
        read_only=tuple(said.get("read_only", ())),
        programs=frozenset(said.get("has", ())),
        active_units=tuple(
            unit
            for unit, state in zip(_UNITS, states, strict=True)
            if state in ("active", "activating", "reloading")
        ),
        units_known=all(states),
        kubelet_started_by=tuple(
            dict.fromkeys(
                unit
                for relation in _KUBELET_RELATIONS
                for unit in first(relation).split()
                if not unit.endswith(".target")
            )
        ),
        schedules=tuple(said.get("schedule", ())),
        has_admin_kubeconfig="admin_kubeconfig" in said,
    )
