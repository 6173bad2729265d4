"""A static pod's command line: its flags, and where in the YAML text each of them stands."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import yaml

from recovery.errors import ManifestError

MANIFEST_LIMIT = 256 * 1024
"""Bytes; a static pod manifest is a few KiB, anything beyond this is something else."""


@dataclass(frozen=True, slots=True)
class Word:
    """One item of a container's `command` or `args`."""

    text: str
    node: yaml.ScalarNode
    sequence: yaml.SequenceNode
    field: str
    """`command` or `args`."""
    position: int
    """Index inside that field."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One occurrence of a flag: `--name=value`, `--name value`, or a bare `--name`."""

    name: str
    value: str
    word: Word
    value_word: Word | None
    """The next item, where the value stands there; None for `--name=value` and `--name`."""

    @property
    def last_word(self) -> Word:
        """The item that the occurrence ends with."""
        return self.value_word or self.word


@dataclass(frozen=True, slots=True)
class PodCommand:
    """A container of a static pod, found in the text, with its flags in order."""

    document: Mapping[str, object]
    container: Mapping[str, object]
    index: int
    """The container's index in spec.containers."""
    flags: tuple[Flag, ...]
    environment: Mapping[str, str]

    def value(self, flag: str) -> str | None:
        """The flag's value as the program sees it: the last occurrence wins. None where absent."""
        values = [found.value for found in self.flags if found.name == flag]
        return values[-1] if values else None

    def occurrences(self, flag: str) -> tuple[Flag, ...]:
        """Every place where the flag is given."""
        return tuple(found for found in self.flags if found.name == flag)


def read_pod_command(text: str, program: str, where: str = "") -> PodCommand:
    """The container of that name, or the one whose command is that program.

    Raises ManifestError (with `where`) for text that is no pod, or has no such container.
    """
    document, root = _parse(text, where)
    containers = _sequence(_child(_child(root, "spec"), "containers"))
    listed = _listed_containers(document)
    if containers is None or len(listed) != len(containers):
        raise ManifestError(
            "it is no pod: spec.containers is missing",
            where=where,
            remedy="put back a static pod manifest, for example from a backup of /etc/kubernetes",
        )
    index = _find(listed, program)
    if index is None:
        raise ManifestError(
            f"no container in it is named {program} or runs {program}",
            where=where,
            remedy=f"put back the manifest of {program}",
        )
    words = tuple(_words(containers[index], where))
    return PodCommand(
        document=document,
        container=listed[index],
        index=index,
        flags=tuple(_flags(words)),
        environment=_environment(listed[index]),
    )


def _parse(text: str, where: str) -> tuple[Mapping[str, object], yaml.Node]:
    try:
        document, root = _loaded(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise ManifestError(
            f"it is not valid YAML{line}",
            where=where,
            remedy="put back a manifest that kubelet can read",
            detail=str(error),
        ) from error
    except (RecursionError, ValueError) as error:
        raise ManifestError("it cannot be read as YAML", where=where, detail=str(error)) from error
    if not isinstance(document, dict) or root is None:
        raise ManifestError("it is empty, or no pod", where=where, remedy="put the manifest back")
    return document, root


@lru_cache(maxsize=64)
def _loaded(text: str) -> tuple[object, yaml.Node | None]:
    """Kept, as one manifest is asked for this and that flag dozens of times in a run: reading it
    takes longer than all that is asked. Nobody changes what comes out."""
    return yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)


def _find(containers: list[Mapping[str, object]], program: str) -> int | None:
    for index, container in enumerate(containers):
        if container.get("name") == program:
            return index
    for index, container in enumerate(containers):
        command = container.get("command")
        if isinstance(command, list) and command and posixpath.basename(str(command[0])) == program:
            return index
    return None


def _listed_containers(document: Mapping[str, object]) -> list[Mapping[str, object]]:
    spec = document.get("spec")
    containers = spec.get("containers") if isinstance(spec, dict) else None
    if not isinstance(containers, list):
        return []
    return [container if isinstance(container, dict) else {} for container in containers]


def _environment(container: Mapping[str, object]) -> dict[str, str]:
    entries = container.get("env")
    if not isinstance(entries, list):
        return {}
    return {
        str(entry["name"]): str(entry["value"])
        for entry in entries
        if isinstance(entry, dict) and "name" in entry and entry.get("value") is not None
    }


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    found = None
    for key_node, value in node.value:
        if isinstance(key_node, yaml.ScalarNode) and key_node.value == key:
            found = value
    return found


def _sequence(node: yaml.Node | None) -> list[yaml.Node] | None:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else None


def _words(container: yaml.Node, where: str) -> Iterator[Word]:
    for field in ("command", "args"):
        sequence = _child(container, field)
        if sequence is None:
            continue
        if not isinstance(sequence, yaml.SequenceNode):
            raise ManifestError(f"{field} is not a list", where=where)
        for position, node in enumerate(sequence.value):
            if not isinstance(node, yaml.ScalarNode):
                raise ManifestError(f"item {position + 1} of {field} is no text", where=where)
            yield Word(str(node.value), node, sequence, field, position)


def _flags(words: tuple[Word, ...]) -> Iterator[Flag]:
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if not word.text.startswith("-") or not word.text.strip("-"):
            continue
        name, equals, value = word.text.lstrip("-").partition("=")
        if equals:
            yield Flag(name, value, word, None)
        elif position < len(words) and not words[position].text.startswith("-"):
            yield Flag(name, words[position].text, word, words[position])
            position += 1
        else:
            yield Flag(name, "true", word, None)
