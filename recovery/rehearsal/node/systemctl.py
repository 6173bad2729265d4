"""`systemctl` of a rehearsal node: kubelet, and containerd that is always up."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.rehearsal.node.answer import Answer, refused
from recovery.rehearsal.node.faults import NOISE, Fault, Faults
from recovery.rehearsal.node.kubelet import Kubelet

_EMPTY = ("UpheldBy", "TriggeredBy", "RequiredBy", "BoundBy")
"""Units that start kubelet in other ways; a rehearsal node has none."""

_QUIET = {"-q", "--quiet", "--no-pager", "--no-block"}


async def systemctl(kubelet: Kubelet, faults: Faults, arguments: Sequence[str]) -> Answer:
    """Answer as systemd would, for the verbs that matter here."""
    words = [word for word in arguments if word not in _QUIET]
    quiet = "-q" in arguments or "--quiet" in arguments
    if words[:1] == ["show"]:
        return _show(words[1:])
    if any(word.startswith("-") for word in words):
        return refused("systemctl", next(word for word in words if word.startswith("-")))
    verb, *units = words or ["list-units"]
    if verb == "daemon-reload":
        return Answer()
    if verb == "is-active" and len(units) > 1:
        return await _are_active(kubelet, faults, units, quiet=quiet)
    if len(units) != 1:
        return refused("systemctl", " ".join(words))
    unit = units[0].removesuffix(".service")
    if unit not in ("kubelet", "containerd"):
        return _unknown_unit(verb, unit)
    active = kubelet.active if unit == "kubelet" else True
    if verb == "is-active":
        return Answer(
            "" if quiet else "active\n" if active else "inactive\n", "", 0 if active else 3
        )
    if verb == "is-enabled":
        return Answer("enabled\n")
    if verb == "status":
        word = "active (running)" if active else "inactive (dead)"
        return Answer(f"● {unit}.service\n     Active: {word}\n", "", 0 if active else 3)
    if unit == "kubelet" and verb in ("start", "stop", "restart"):
        return await _change_kubelet(kubelet, faults, verb)
    return refused("systemctl", " ".join(words))


async def _are_active(
    kubelet: Kubelet, faults: Faults, units: Sequence[str], *, quiet: bool
) -> Answer:
    """A word for each; the status is good as soon as one of them is active."""
    answers = [await systemctl(kubelet, faults, ["is-active", unit]) for unit in units]
    status = min(answer.exit for answer in answers)
    return Answer("" if quiet else "".join(answer.out for answer in answers), "", status)


def _show(words: Sequence[str]) -> Answer:
    """Properties of kubelet: nothing but the usual target wants it."""
    unit, *options = words or [""]
    names = options[1::2]
    if unit.removesuffix(".service") != "kubelet" or set(options[::2]) != {"-p"}:
        return refused("systemctl show", " ".join(words))
    known = {"WantedBy": "multi-user.target", **dict.fromkeys(_EMPTY, "")}
    if set(names) - set(known):
        return refused("systemctl show", " ".join(words))
    return Answer("".join(f"{name}={known[name]}\n" for name in names))


async def _change_kubelet(kubelet: Kubelet, faults: Faults, verb: str) -> Answer:
    if verb == "stop" and Fault.KUBELET_STAYS in faults:
        return Answer("", "Job for kubelet.service canceled.\n", 1)
    if verb == "stop" and Fault.KUBELET_HANGS in faults:
        await faults.over(Fault.KUBELET_HANGS)
    if verb != "start":
        await kubelet.stop()
    if verb != "stop":
        kubelet.start()
    return Answer(NOISE if Fault.NOISY in faults else "")


def _unknown_unit(verb: str, unit: str) -> Answer:
    if verb == "is-active":
        return Answer("inactive\n", "", 4)
    if verb == "is-enabled":
        return Answer("", f"Failed to get unit file state for {unit}.service: No such file\n", 1)
    failed = f"Failed to {verb} {unit}.service: Unit {unit}.service not found.\n"
    return Answer("", failed, 4 if verb == "status" else 5)
