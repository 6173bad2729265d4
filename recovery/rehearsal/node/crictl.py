"""`crictl` of a rehearsal node, with the real one's arguments and output."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from recovery.rehearsal.node.answer import Answer, refused
from recovery.rehearsal.node.listed_pods import ListedPod
from recovery.rehearsal.node.runtime import Container, Runtime

Shown = Container | ListedPod

ENDPOINT_VARIABLE = "CONTAINER_RUNTIME_ENDPOINT"
_NOTE = (
    'level=warning msg="runtime connect using default endpoints: '
    "[unix:///run/containerd/containerd.sock]. As the default settings are now deprecated, you "
    'should set the endpoint instead."\n'
)


async def crictl(
    runtime: Runtime,
    programs: Mapping[str, Sequence[str]],
    environment: Mapping[str, str],
    arguments: Sequence[str],
    listed: Sequence[ListedPod] = (),
) -> Answer:
    """Answer as crictl would. Like the real one it warns on stderr where no runtime is named.

    `listed` are pods for which nothing runs, and which `ps` lists all the same.
    """
    words = _without_global_options(list(arguments))
    if words and words[0].startswith("-"):
        return refused("crictl", words[0])
    if words and words[0] == "ps":
        answer = _ps((*runtime.containers.values(), *listed), words[1:])
    else:
        answer = await _answer(runtime, programs, environment, words)
    if ENDPOINT_VARIABLE in environment:
        return replace(answer, err=answer.err.replace(_NOTE, ""))
    return answer


async def _answer(
    runtime: Runtime,
    programs: Mapping[str, Sequence[str]],
    environment: Mapping[str, str],
    words: Sequence[str],
) -> Answer:
    if not words:
        return refused("crictl", "no command")
    verb, *rest = words
    if verb == "version":
        return Answer("Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  1.7.20\n", _NOTE)
    if verb == "pods":
        return _pods(runtime, rest)
    if verb in ("stop", "rm"):
        return await _end(runtime, verb, rest)
    if verb == "logs":
        return _logs(runtime, rest)
    if verb == "inspect":
        return _inspect(runtime, rest)
    if verb == "exec":
        return await _exec(runtime, programs, environment, rest)
    return refused("crictl", verb)


def _without_global_options(words: list[str]) -> list[str]:
    """What is left begins with the command, or with an option that is not known."""
    known = ("-r", "--runtime-endpoint", "-t", "--timeout", "-i", "--image-endpoint")
    while words and words[0].partition("=")[0] in known:
        if "=" not in words.pop(0) and words:
            words.pop(0)
    return words


def _options(
    words: Sequence[str], flags: set[str], values: set[str]
) -> tuple[set[str], dict[str, list[str]], list[str], str | None]:
    """Flags given, values by option, what is left, and the first option that is not known."""
    given: set[str] = set()
    valued: dict[str, list[str]] = {}
    rest: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        name, equals, value = word.partition("=")
        if name in flags and not equals:
            given.add(name)
        elif name in values:
            valued.setdefault(name, []).append(value if equals else queue.pop(0) if queue else "")
        elif word.startswith("-"):
            return given, valued, rest, word
        else:
            rest.append(word)
    return given, valued, rest, None


def _ps(shown: Sequence[Shown], words: Sequence[str]) -> Answer:
    flags = {"-a", "--all", "-q", "--quiet", "--no-trunc", "-aq", "-qa"}
    values = {"--name", "--state", "-s", "--pod", "-p", "-o", "--output", "--label"}
    given, valued, rest, unknown = _options(words, flags, values)
    if unknown or rest:
        return refused("crictl ps", unknown or rest[0])
    wrong = _wrong_pattern(valued.get("--name", []))
    if wrong is not None:
        return wrong
    everything = bool(given & {"-a", "--all", "-aq", "-qa"})
    found = [c for c in shown if _matches(c, valued, everything)]
    found.sort(key=lambda container: container.created_at, reverse=True)
    if given & {"-q", "--quiet", "-aq", "-qa"}:
        return Answer("".join(f"{c.id}\n" for c in found), _NOTE)
    output = (valued.get("-o") or valued.get("--output") or ["table"])[0]
    if output == "json":
        listed = {"containers": [_cri(container) for container in found]}
        return Answer(json.dumps(listed, indent=2) + "\n", _NOTE)
    if output != "table":
        return refused("crictl ps", f"-o {output}")
    return Answer(_table(found), _NOTE)


def _wrong_pattern(patterns: Sequence[str]) -> Answer | None:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            said = f"error parsing regexp: {error}: `{pattern}`\n"
            return Answer("", f"{_NOTE}level=fatal msg={json.dumps(said.strip())}\n", 1)
    return None


def _pods(runtime: Runtime, words: Sequence[str]) -> Answer:
    """The pods' sandboxes, as long as they have a container. Only their ids: nothing needs more."""
    given, valued, rest, unknown = _options(words, {"-q", "--quiet"}, {"--name"})
    if unknown or rest or not given:
        return refused("crictl pods", unknown or (rest[0] if rest else "its table; use -q"))
    wrong = _wrong_pattern(valued.get("--name", []))
    if wrong is not None:
        return wrong
    found = {
        container.pod_id: None
        for container in runtime.containers.values()
        if all(re.search(name, container.pod) for name in valued.get("--name", []))
    }
    return Answer("".join(f"{pod_id}\n" for pod_id in found), _NOTE)


def _matches(container: Shown, valued: Mapping[str, list[str]], everything: bool) -> bool:
    states = [s.lower() for s in valued.get("--state", []) + valued.get("-s", [])]
    state = "running" if container.running else "exited"
    if states:
        if state not in states:
            return False
    elif not everything and not container.running:
        return False
    labels = _labels(container)
    for label in valued.get("--label", []):
        key, _, value = label.partition("=")
        if labels.get(key) != value:
            return False
    pods = valued.get("--pod", []) + valued.get("-p", [])
    if pods and not any(container.pod_id.startswith(pod) for pod in pods):
        return False
    return all(re.search(name, container.name) for name in valued.get("--name", []))


def _labels(container: Shown) -> dict[str, str]:
    return {
        "io.kubernetes.container.name": container.name,
        "io.kubernetes.pod.name": container.pod,
        "io.kubernetes.pod.namespace": container.namespace,
        "io.kubernetes.pod.uid": container.pod_uid,
    }


def _cri(container: Shown) -> dict[str, object]:
    return {
        "id": container.id,
        "podSandboxId": container.pod_id,
        "metadata": {"name": container.name, "attempt": container.attempt},
        "image": {"image": container.image, "annotations": {}},
        "imageRef": container.image,
        "state": container.state,
        "createdAt": str(container.created_at),
        "labels": _labels(container),
        "annotations": {"io.kubernetes.container.restartCount": str(container.attempt)},
    }


def _table(found: Sequence[Shown]) -> str:
    header = ("CONTAINER", "IMAGE", "STATE", "NAME", "ATTEMPT", "POD ID", "POD")
    rows = [
        (
            c.id[:13],
            c.image[:13],
            "Running" if c.running else "Exited",
            c.name,
            str(c.attempt),
            c.pod_id[:13],
            c.pod,
        )
        for c in found
    ]
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    lines = [
        "".join(cell.ljust(width + 4) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (header, *rows)
    ]
    return "\n".join(lines) + "\n"


async def _end(runtime: Runtime, verb: str, words: Sequence[str]) -> Answer:
    flags = {"-f", "--force"} if verb == "rm" else set()
    values = {"-t", "--timeout"} if verb == "stop" else set()
    given, valued, ids, unknown = _options(words, flags, values)
    if unknown or not ids:
        return refused(f"crictl {verb}", unknown or "no container")
    grace = float((valued.get("-t") or valued.get("--timeout") or ["0"])[0])
    out = ""
    for prefix in ids:
        container = runtime.find(prefix)
        if container is None:
            missing = f'rpc error: code = NotFound desc = could not find container "{prefix}"\n'
            return Answer(out, _NOTE + missing, 1)
        if verb == "stop":
            await runtime.stop(container, grace)
        elif container.running and not given:
            running = f"container {prefix!r} is running, please stop it first\n"
            return Answer(out, _NOTE + running, 1)
        else:
            await runtime.remove(container)
        out += f"{prefix}\n"
    return Answer(out, _NOTE)


def _logs(runtime: Runtime, words: Sequence[str]) -> Answer:
    _, valued, ids, unknown = _options(words, set(), {"--tail"})
    container = runtime.find(ids[0]) if len(ids) == 1 else None
    if unknown or container is None:
        return refused("crictl logs", unknown or "that container")
    lines = container.log.read_text(errors="replace").splitlines(keepends=True)
    tail = int(valued["--tail"][0]) if "--tail" in valued else len(lines)
    return Answer("".join(lines[-tail:]) if tail else "", _NOTE)


def _inspect(runtime: Runtime, words: Sequence[str]) -> Answer:
    _, _, ids, unknown = _options(words, set(), {"-o", "--output"})
    container = runtime.find(ids[0]) if len(ids) == 1 else None
    if unknown or container is None:
        return refused("crictl inspect", unknown or "that container")
    body = {
        "status": {**_cri(container), "exitCode": container.exit_code or 0},
        "info": {"pid": container.process.pid},
    }
    return Answer(json.dumps(body, indent=2) + "\n", _NOTE)


async def _exec(
    runtime: Runtime,
    programs: Mapping[str, Sequence[str]],
    environment: Mapping[str, str],
    words: Sequence[str],
) -> Answer:
    container = runtime.find(words[0]) if words else None
    if container is None or not container.running or len(words) < 2:
        return refused("crictl exec", "that container, or it does not run")
    program = programs.get(words[1], [words[1]])
    process = await asyncio.create_subprocess_exec(
        *program,
        *words[2:],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment),
    )
    out, err = await process.communicate()
    return Answer(
        out.decode(errors="replace"), err.decode(errors="replace"), process.returncode or 0
    )
