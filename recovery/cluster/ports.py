"""Who listens on etcd's ports and the API server's: the containers that should, or somebody else.

Facts: `ss -Hltnp` (iproute2) names process and pid to root. A container's processes are in a
cgroup whose path ends in the container's id (containerd and CRI-O); `crictl inspect` tells the id
of its first process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from recovery.cluster.x509_chains import host_text

PORTS_SH = r"""
# Listening sockets on these ports, and which process and which container each belongs to.
listeners() {
  command -v ss > /dev/null || { echo no-ss; return 0; }
  LISTENERS=$(timeout 10 ss -Hltnp 2> /dev/null) || { echo no-answer; return 0; }
  for PORT in "$@"; do
    printf '%s\n' "$LISTENERS" | awk -v port=":$PORT" \
      'substr($4, length($4) - length(port) + 1) == port { print "listener " $0 }'
  done
  PIDS=$(printf '%s\n' "$LISTENERS" | awk -v ports=" $* " '{
      n = split($4, part, ":"); if (index(ports, " " part[n] " ")) print $0
    }' | grep -o 'pid=[0-9]*' | cut -d = -f 2 | sort -u || true)
  for PID in $PIDS; do
    printf 'process %s %s\n' "$PID" "$(readlink "/proc/$PID/exe" 2> /dev/null)"
    {
      while IFS= read -r LINE; do printf 'cgroup %s %s\n' "$PID" "$LINE"; done < "/proc/$PID/cgroup"
    } 2> /dev/null || true
  done
  if [ -n "$PIDS" ] && command -v crictl > /dev/null; then
    for NAME in etcd kube-apiserver; do
      # Those that have ended too: an etcd that starts and ends may have listened a moment ago.
      IDS=$(timeout 10 crictl ps -a -q --name "^$NAME\$" \
        --label io.kubernetes.pod.namespace=kube-system 2> /dev/null) ||
        { echo no-containers; IDS=; }
      for ID in $IDS; do
        PID=$(timeout 10 crictl inspect "$ID" 2> /dev/null |
          sed -n 's/^ *"pid": *\([0-9][0-9]*\).*/\1/p' | head -n 1 || true)
        printf 'container %s %s %s\n' "$NAME" "$ID" "${PID:-0}"
      done
    done
  fi
}
"""

_LOCAL = re.compile(r"^listener LISTEN\s+\d+\s+\d+\s+(\S+):(\d+)\s+\S+\s*(.*)$")
_USER = re.compile(r'\("((?:[^"\\]|\\.)*)",pid=(\d+)')
_CONTAINER_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that waits for connections."""

    address: str
    """As the kernel has it; `*` for every address."""
    port: int
    program: str
    """The process's own name; empty where it could not be seen."""
    pid: int
    """0 where it could not be seen."""
    executable: str
    """The file that it runs; empty where it could not be seen."""
    container: str
    """The name of the container that it belongs to: `etcd`, `kube-apiserver`; empty otherwise."""
    unit: str
    """The systemd unit that it belongs to; empty where there is none."""

    @property
    def in_words(self) -> str:
        """The process, as a person can find it: `etcd (pid 4711, etcd.service)`."""
        if not self.pid:
            return "a process that could not be seen"
        unit = f", {self.unit}" if self.unit else ""
        program = self.executable or self.program
        return f"{program} (pid {self.pid}{unit})"

    def takes(self, host: str, port: int) -> bool:
        """Whether nobody else can listen there while it does."""
        if port != self.port:
            return False
        anywhere = ("*", "0.0.0.0", "::")
        mine, wanted = host_text(self.address.partition("%")[0]), host_text(host)
        return mine in anywhere or wanted in anywhere or mine == wanted


@dataclass(frozen=True, slots=True)
class PortFacts:
    """The listeners on the ports that were asked about."""

    listeners: tuple[Listener, ...]
    api_server_address: str = "0.0.0.0"
    """--bind-address of kube-apiserver.yaml."""
    api_server_port: int = 6443
    containers_known: bool = True
    """False where the container runtime did not answer: then no listener belongs to one."""
    unknown: str = ""
    """Why nobody knows who listens; empty where it is known."""


def read_ports(text: str, api_server_address: str, api_server_port: int) -> PortFacts:
    """What the shell function `listeners` printed."""
    lines = text.splitlines()
    if "no-ss" in lines:
        return PortFacts((), unknown="the node has no `ss`")
    if "no-answer" in lines:
        return PortFacts((), unknown="`ss` did not answer")
    executables: dict[int, str] = {}
    cgroups: dict[int, str] = {}
    by_id: dict[str, str] = {}
    by_pid: dict[int, str] = {}
    for line in lines:
        word, *rest = line.split(" ", 3)
        if word == "process" and len(rest) >= 2:
            executables[int(rest[0])] = " ".join(rest[1:])
        elif word == "cgroup" and len(rest) >= 2:
            cgroups[int(rest[0])] = f"{cgroups.get(int(rest[0]), '')}\n{' '.join(rest[1:])}"
        elif word == "container" and len(rest) == 3:
            by_id[rest[1]] = rest[0]
            by_pid[int(rest[2])] = rest[0]
    found = []
    for line in lines:
        listening = _LOCAL.match(line)
        if listening is None:
            continue
        address, port, users = listening.groups()
        user = _USER.search(users)
        program, pid = (user[1], int(user[2])) if user else ("", 0)
        cgroup = cgroups.get(pid, "")
        ids = _CONTAINER_ID.findall(cgroup)
        container = next((by_id[one] for one in ids if one in by_id), by_pid.get(pid, ""))
        found.append(
            Listener(
                address=address.strip("[]"),
                port=int(port),
                program=program,
                pid=pid,
                executable=executables.get(pid, ""),
                container=container if pid else "",
                unit=_unit(cgroup) if not container else "",
            )
        )
    return PortFacts(
        tuple(dict.fromkeys(found)),
        api_server_address,
        api_server_port,
        containers_known="no-containers" not in lines,
    )


def _unit(cgroup: str) -> str:
    """The innermost service in the path of a cgroup."""
    names = re.findall(r"/([^/\n]+\.service)", cgroup)
    return names[-1] if names else ""
