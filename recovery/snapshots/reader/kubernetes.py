"""Resources and namespaces, told from Kubernetes' keys."""

from typing import Any, Dict, List, Optional, Tuple

from recovery.snapshots.reader.shown import shown

MOST_NAMED = 10000
REGISTRY = b"/registry/"
STORED_AS = {"minions": "nodes", "services/specs": "services", "services/endpoints": "endpoints"}
"""Resources whose place in the registry is not their name."""


def resource_of(group: bytes) -> Optional[Tuple[str, str]]:
    """Resource and namespace ("" for none) of what stands in front of a key's last slash.

    The layout is `/registry/RESOURCE/[NAMESPACE/]NAME`, and with the API group in front of the
    resource for custom resources and aggregated APIs; such a group has a dot in its name.
    """
    if not group.startswith(REGISTRY):
        return None
    parts = shown(group[len(REGISTRY) :]).split("/")
    if "" in parts:
        return None
    if len(parts) > 1 and "." in parts[0]:
        resource, rest = parts[1] + "." + parts[0], parts[2:]
    elif len(parts) > 1 and "/".join(parts[:2]) in STORED_AS:
        resource, rest = STORED_AS["/".join(parts[:2])], parts[2:]
    else:
        resource, rest = STORED_AS.get(parts[0], parts[0]), parts[1:]
    return resource, rest[0] if rest else ""


def largest(counted: Dict[str, List[int]]) -> List[Dict[str, Any]]:
    """Names with count and bytes, those with the most bytes first."""
    names = sorted(counted, key=lambda name: (-counted[name][1], name))
    return [
        {"name": name, "count": counted[name][0], "bytes": counted[name][1]}
        for name in names[:MOST_NAMED]
    ]


def kubernetes(groups: Dict[bytes, List[int]]) -> Dict[str, Any]:
    """Live keys counted by resource and by namespace; `otherKeys` are not Kubernetes'."""
    resources: Dict[str, List[int]] = {}
    namespaces: Dict[str, List[int]] = {}
    others = 0
    for group, (count, size) in groups.items():
        named = resource_of(group)
        if named is None:
            others += count
            continue
        for name, counted in ((named[0], resources), (named[1], namespaces)):
            if name:
                total = counted.setdefault(name, [0, 0])
                total[0] += count
                total[1] += size
    return {
        "resources": largest(resources),
        "namespaces": largest(namespaces),
        "otherKeys": others,
    }
