"""Changes one flag of `etcd.yaml` and leaves every other byte as it is.

The place is found in the parsed text, never by a pattern; the result is parsed again and compared
with what was meant, so that a text this cannot handle is refused instead of damaged.
"""

from __future__ import annotations

import copy
import re

import yaml

from recovery.cluster.pod_command import Flag, PodCommand, Word, read_pod_command
from recovery.errors import ManifestError

_BLOCK_ITEM = re.compile(r"[ \t]*-[ \t]+")
_BLANK = re.compile(r"[ \t]*")
_BY_HAND = "edit it by hand, and look again"


def with_existing_state(text: str) -> str:
    """The manifest with `--initial-cluster-state=existing`; the same text where it says so.

    With `new`, a member that finds no data boots an empty cluster. Raises ManifestError where the
    text cannot be edited safely.
    """
    return set_flag(text, "initial-cluster-state", "existing")


def set_flag(text: str, flag: str, value: str) -> str:
    """The manifest with the flag (named without dashes) set to the value.

    Where the flag is absent it is inserted after `--initial-cluster`, or after the last flag, in
    the form of its neighbour. Raises ManifestError where the text cannot be edited safely.
    """
    command = read_pod_command(text, "etcd")
    found = command.occurrences(flag)
    if found and all(occurrence.value == value for occurrence in found):
        return text
    words = _expected_words(command)
    if found:
        edited = _replace(text, found, value, words)
    else:
        edited = _insert(text, _neighbour(command), flag, value, words)
    _prove(edited, command, words)
    return edited


def _replace(text: str, found: tuple[Flag, ...], value: str, words: dict[str, list[object]]) -> str:
    for occurrence in reversed(found):
        word = occurrence.last_word
        if occurrence.value_word is not None:
            replacement = value
        else:
            replacement = f"{word.text.partition('=')[0]}={value}"
        start, end = _span(text, word)
        text = text[:start] + _render(replacement, word) + text[end:]
        words[word.field][word.position] = replacement
    return text


def _insert(
    text: str, neighbour: Flag, flag: str, value: str, words: dict[str, list[object]]
) -> str:
    dashes = "--" if neighbour.word.text.startswith("--") else "-"
    if neighbour.value_word is not None:
        items = [f"{dashes}{flag}", value]
    else:
        items = [f"{dashes}{flag}={value}"]
    last = neighbour.last_word
    words[last.field][last.position + 1 : last.position + 1] = items
    rendered = [_render(item, last) for item in items]
    if last.sequence.flow_style:
        return _insert_in_flow(text, last, rendered)
    return _insert_in_block(text, last, rendered)


def _insert_in_flow(text: str, last: Word, rendered: list[str]) -> str:
    start, end = _span(text, last)
    indentation = text[_line_start(text, start) : start]
    newline = _newline_after(text, end)
    own_line = bool(_BLANK.fullmatch(indentation)) and bool(newline)
    between = f",{newline}{indentation}" if own_line else ", "
    return text[:end] + "".join(between + item for item in rendered) + text[end:]


def _insert_in_block(text: str, last: Word, rendered: list[str]) -> str:
    start, end = _span(text, last)
    prefix = text[_line_start(text, start) : start]
    if not _BLOCK_ITEM.fullmatch(prefix):
        raise ManifestError("the list of flags has an unusual form", remedy=_BY_HAND)
    newline = _newline_after(text, end)
    if not newline:
        return text + "".join(f"\n{prefix}{item}" for item in rendered)
    at = text.index(newline, end) + len(newline)
    return text[:at] + "".join(f"{prefix}{item}{newline}" for item in rendered) + text[at:]


def _neighbour(command: PodCommand) -> Flag:
    beside = command.occurrences("initial-cluster") or command.flags
    if not beside:
        raise ManifestError("etcd is given no flags", remedy=_BY_HAND)
    return beside[-1]


def _span(text: str, word: Word) -> tuple[int, int]:
    start, end = word.node.start_mark.index, word.node.end_mark.index
    opening = {"'": "'", '"': '"', None: word.text[:1]}.get(word.node.style)
    if opening is None or not text.startswith(opening, start):
        raise ManifestError(
            f"{word.text!r} is written in a form that is not edited safely", remedy=_BY_HAND
        )
    return start, end


def _render(value: str, like: Word) -> str:
    if like.node.style == "'":
        return "'" + value.replace("'", "''") + "'"
    if like.node.style == '"':
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value


def _line_start(text: str, index: int) -> int:
    return max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1


def _newline_after(text: str, index: int) -> str:
    found = re.search(r"\r\n|\n|\r", text[index:])
    return found.group() if found else ""


def _expected_words(command: PodCommand) -> dict[str, list[object]]:
    fields = {}
    for field in ("command", "args"):
        listed = command.container.get(field)
        if isinstance(listed, list):
            fields[field] = list(listed)
    return fields


def _prove(edited: str, before: PodCommand, words: dict[str, list[object]]) -> None:
    """Refuses an edit that changed anything but the words that were meant."""
    expected = copy.deepcopy(before.document)
    spec = expected["spec"]
    assert isinstance(spec, dict)
    spec["containers"][before.index].update(words)
    try:
        actual = yaml.safe_load(edited)
    except yaml.YAMLError as error:
        raise ManifestError(
            "the edited text would no longer be valid YAML", remedy=_BY_HAND, detail=str(error)
        ) from error
    if actual != expected:
        raise ManifestError(
            "the edit would change more than the one flag, so it was not made", remedy=_BY_HAND
        )
