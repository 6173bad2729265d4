"""`kubectl` of a rehearsal node: asks the API server over real TLS."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from recovery.rehearsal.node.answer import Answer, refused
from recovery.rehearsal.node.kubeconfig import read_kubeconfig
from recovery.rehearsal.node.kubectl_writing import Request, write_request

_RESOURCES = {
    "node": "nodes",
    "no": "nodes",
    "pod": "pods",
    "po": "pods",
    "secret": "secrets",
    "configmap": "configmaps",
    "cm": "configmaps",
    "namespace": "namespaces",
    "ns": "namespaces",
    "ebc": "etcdbackupconfigurations",
    "etcdbackupconfiguration": "etcdbackupconfigurations",
}
_CLUSTER_WIDE = ("nodes", "namespaces")
_BACKUP = "/apis/enhancement.cluster.alauda.io/v1/etcdbackupconfigurations"
_VALUES = {
    "--kubeconfig",
    "--server",
    "-s",
    "--namespace",
    "-n",
    "--output",
    "-o",
    "--request-timeout",
    "--raw",
    "--tls-server-name",
    "--type",
    "--patch",
    "-p",
    "--filename",
    "-f",
    "--dry-run",
}
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_FLAGS = {"-A", "--all-namespaces", "--no-headers", "--client"}


@dataclass(slots=True)
class _Call:
    words: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    unknown: str | None = None


_VERBS = ("get", "version", "patch", "create", "replace")


def kubectl(
    default_kubeconfig: Path, arguments: Sequence[str], directory: Path, stdin: str = ""
) -> Answer:
    """Answer as kubectl would in that directory; blocking, to be run in a thread."""
    call = _parse(arguments)
    if call.unknown is not None:
        return refused("kubectl", call.unknown)
    verb = call.words[0] if call.words else ""
    if verb == "version" and "--client" in call.flags:
        return Answer("Client Version: v1.31.0\n")
    if verb not in _VERBS:
        return refused("kubectl", verb or "no command")
    request = write_request(call.words, call.values, stdin)
    if request is None and verb not in ("get", "version"):
        return refused(f"kubectl {verb}", " ".join(arguments))
    path = "/version" if verb == "version" else call.values.get("--raw") or _path(call)
    if path is None and request is None:
        return refused("kubectl get", " ".join(call.words[1:]))
    request = request or Request("GET", path or "")
    given = call.values.get("--kubeconfig")
    try:
        kubeconfig = directory / given if given else default_kubeconfig
        status, content = _ask(call, kubeconfig, request)
    except _NoAnswerError as error:
        return Answer("", f"{error}\n", 1)
    if status >= 400:
        return Answer("", _said(content), 1)
    if request.done:
        return Answer(f"{request.done}\n")
    if verb == "version":
        said = json.loads(content)["gitVersion"]
        return Answer(f"Client Version: v1.31.0\nServer Version: {said}\n")
    if "--raw" in call.values:
        return Answer(content.decode(errors="replace"))
    return _show(call, json.loads(content))


class _NoAnswerError(Exception):
    """In kubectl's own words."""


def _parse(arguments: Sequence[str]) -> _Call:
    call = _Call()
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        name, equals, value = word.partition("=")
        if name in _VALUES:
            call.values[_long(name)] = value if equals else queue.pop(0) if queue else ""
        elif word in _FLAGS:
            call.flags.add("--all-namespaces" if word == "-A" else word)
        elif word.startswith("-o") and len(word) > 2:
            call.values["--output"] = word[2:]
        elif word.startswith("-n") and len(word) > 2 and not word.startswith("--"):
            call.values["--namespace"] = word[2:]
        elif word.startswith("-"):
            call.unknown = word
        else:
            call.words.append(word)
    return call


def _long(name: str) -> str:
    longer = {"-n": "--namespace", "-o": "--output", "-s": "--server"}
    return {**longer, "-p": "--patch", "-f": "--filename"}.get(name, name)


def _path(call: _Call) -> str | None:
    words = call.words[1:]
    if len(words) == 1 and "/" in words[0]:
        words = words[0].split("/", 1)
    if not 1 <= len(words) <= 2:
        return None
    resource = words[0].partition(".")[0]
    resource = _RESOURCES.get(resource, resource)
    name = f"/{words[1]}" if len(words) == 2 else ""
    if resource == "etcdbackupconfigurations":
        return _BACKUP + name
    if resource in _CLUSTER_WIDE:
        return f"/api/v1/{resource}{name}"
    if resource not in ("pods", "secrets", "configmaps"):
        return None
    if "--all-namespaces" in call.flags:
        return f"/api/v1/{resource}"
    namespace = call.values.get("--namespace", "default")
    return f"/api/v1/namespaces/{namespace}/{resource}{name}"


def _ask(call: _Call, kubeconfig: Path, request: Request) -> tuple[int, bytes]:
    try:
        config = read_kubeconfig(kubeconfig)
    except (OSError, ValueError) as error:
        raise _NoAnswerError(f"error: {error}") from error
    server = call.values.get("--server") or config.server
    parts = urlsplit(server)
    seconds = _seconds(call.values.get("--request-timeout", "0"))
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port, timeout=seconds, context=config.tls()
    )
    try:
        headers = {"Content-Type": request.content_type} if request.body else {}
        connection.request(request.method, request.path, request.body or None, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except ssl.SSLCertVerificationError as error:
        words = f"Unable to connect to the server: tls: failed to verify certificate: {error}"
        raise _NoAnswerError(words) from error
    except ConnectionRefusedError as error:
        words = f"The connection to the server {parts.netloc} was refused"
        raise _NoAnswerError(f"{words} - did you specify the right host or port?") from error
    except (OSError, http.client.HTTPException) as error:
        raise _NoAnswerError(f"Unable to connect to the server: {error}") from error
    finally:
        connection.close()


def _seconds(text: str) -> float:
    """`--request-timeout`: seconds, or a number with its unit. 0: as long as kubectl waits."""
    try:
        unit = next((unit for unit in _UNITS if text.endswith(unit)), "")
        return float(text.removesuffix(unit)) * _UNITS.get(unit, 1.0) or 30.0
    except ValueError as error:
        raise _NoAnswerError(f"error: Invalid timeout value {text!r}") from error


def _said(content: bytes) -> str:
    try:
        status = json.loads(content)
        return f"Error from server ({status['reason']}): {status['message']}\n"
    except (ValueError, KeyError, TypeError):
        return f"Error from server: {content.decode(errors='replace')}\n"


def _show(call: _Call, body: dict[str, object]) -> Answer:
    output = call.values.get("--output", "table")
    if output == "json":
        return Answer(json.dumps(body, indent=4) + "\n")
    bodies = cast("list[dict[str, object]]", body.get("items", [body]))
    resource = call.words[1].split("/")[0]
    resource = _RESOURCES.get(resource, resource)
    names = [str(_at(item, "metadata", "name")) for item in bodies]
    if output.startswith("custom-columns="):
        return Answer(
            _columns(bodies, output.partition("=")[2], headed="--no-headers" not in call.flags)
        )
    if output == "name":
        return Answer("".join(f"{resource.removesuffix('s')}/{name}\n" for name in names))
    if output not in ("table", "wide"):
        return refused("kubectl get", f"-o {output}")
    rows = [_row(resource, item) for item in bodies]
    header = {"nodes": ("NAME", "STATUS"), "pods": ("NAME", "READY", "STATUS", "RESTARTS")}
    lines = [header.get(resource, ("NAME",)), *rows]
    if "--no-headers" in call.flags:
        lines = lines[1:]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))] if lines else []
    text = "".join(
        "   ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )
    return Answer(text)


def _columns(bodies: list[dict[str, object]], asked: str, *, headed: bool) -> str:
    """`NAME:.metadata.name,…`; like the real one it writes <none> where there is nothing."""
    columns = [column.partition(":")[::2] for column in asked.split(",")]
    lines = [[name for name, _ in columns]] if headed else []
    for body in bodies:
        found = [_at(body, *path.removeprefix(".").split(".")) for _, path in columns]
        lines.append(["<none>" if value is None else str(value) for value in found])
    return "".join("   ".join(line) + "\n" for line in lines)


def _row(resource: str, item: dict[str, object]) -> tuple[str, ...]:
    name = str(_at(item, "metadata", "name"))
    if resource == "nodes":
        conditions = cast("list[dict[str, str]]", _at(item, "status", "conditions") or [])
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        return (name, "Ready" if ready else "NotReady")
    if resource == "pods":
        statuses = cast("list[dict[str, object]]", _at(item, "status", "containerStatuses") or [])
        ready_count = sum(bool(status.get("ready")) for status in statuses)
        restarts = sum(int(str(status.get("restartCount", 0))) for status in statuses)
        phase = str(_at(item, "status", "phase") or "Unknown")
        return (name, f"{ready_count}/{max(len(statuses), 1)}", phase, str(restarts))
    return (name,)


def _at(item: object, *path: str) -> object:
    for word in path:
        item = item.get(word) if isinstance(item, dict) else None
    return item
