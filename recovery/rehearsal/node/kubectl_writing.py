"""What `kubectl patch`, `create` and `replace` of a rehearsal node send."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BACKUP_PATH = "/apis/enhancement.cluster.alauda.io/v1/etcdbackupconfigurations"
_MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the API server, and what is printed when it was taken."""

    method: str
    path: str
    body: str = ""
    content_type: str = "application/json"
    done: str = ""


def write_request(words: Sequence[str], values: Mapping[str, str], stdin: str) -> Request | None:
    """What the command writes; None where it writes nothing, or is not known here."""
    verb = words[0] if words else ""
    dry = values.get("--dry-run", "none")
    if dry not in ("none", "server"):
        return None
    query = "?dryRun=All" if dry == "server" else ""
    tail = " (server dry run)" if dry == "server" else ""
    if verb == "patch":
        return _patch(words, values, query, tail)
    if verb in ("create", "replace") and values.get("--filename") == "-" and len(words) == 1:
        return _secret(verb, values, stdin, query, tail)
    return None


def _patch(
    words: Sequence[str], values: Mapping[str, str], query: str, tail: str
) -> Request | None:
    resource = words[1].partition(".")[0] if len(words) == 3 else ""
    if resource not in ("ebc", "etcdbackupconfiguration", "etcdbackupconfigurations"):
        return None
    if values.get("--type") != "merge" or "--patch" not in values:
        return None
    name = f"etcdbackupconfiguration.enhancement.cluster.alauda.io/{words[2]}"
    return Request(
        "PATCH",
        f"{BACKUP_PATH}/{words[2]}{query}",
        values["--patch"],
        _MERGE_PATCH,
        f"{name} patched{tail}",
    )


def _secret(
    verb: str, values: Mapping[str, str], stdin: str, query: str, tail: str
) -> Request | None:
    try:
        body = json.loads(stdin)
        kind, name = body["kind"], body["metadata"]["name"]
    except (ValueError, KeyError, TypeError):
        return None
    if kind != "Secret":
        return None
    namespace = values.get("--namespace", "default")
    path = f"/api/v1/namespaces/{namespace}/secrets"
    done = f"secret/{name} {verb}d{tail}"
    if verb == "replace":
        return Request("PUT", f"{path}/{name}{query}", stdin, done=done)
    return Request("POST", f"{path}{query}", stdin, done=done)
