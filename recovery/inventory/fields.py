"""Reads the fields of a YAML mapping by name and type, and collects what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml

from recovery.errors import InventoryError

T = TypeVar("T")

_NEARLY = 0.75
_STRING = "tag:yaml.org,2002:str"
_INTEGER = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_BOOLEAN = "tag:yaml.org,2002:bool"
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an inventory."""

    line: int
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        """One line for a list of problems."""
        return f"line {self.line}: {self.what}" + (f" → {self.remedy}" if self.remedy else "")


class Problems:
    """What is wrong with one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: list[Problem] = []

    def add(self, node: yaml.Node, what: str, remedy: str = "") -> None:
        """Note a problem with what stands at a node."""
        self._found.append(Problem(node.start_mark.line + 1, what, remedy))

    def raise_any(self) -> None:
        """Raise InventoryError for the first problem, with all of them in its detail."""
        if not self._found:
            return
        found = sorted(self._found, key=lambda problem: problem.line)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise InventoryError(
            found[0].what + more,
            where=f"{self.path}:{found[0].line}",
            remedy=found[0].remedy,
            detail="\n".join(str(problem) for problem in found) if more else "",
        )


class Fields:
    """The fields of one mapping. Every reading of a wrong field gives its default and a problem."""

    def __init__(
        self,
        node: yaml.Node,
        where: str,
        loader: yaml.SafeLoader,
        problems: Problems,
        known: Sequence[str] | None,
    ) -> None:
        """`where` is the path of fields to here; `known` None allows any field."""
        self.node = node
        self._where = where
        self._loader = loader
        self._problems = problems
        self._values: dict[str, yaml.Node] = {}
        self._misspelled: set[str] = set()
        self._values = self._read(known)

    def problem(self, what: str, remedy: str = "", *, field: str = "") -> None:
        """Note a problem with a field of this mapping, or with the whole."""
        node = self._values.get(field, self.node)
        self._problems.add(node, f"{self.path(field)}: {what}", remedy)

    def path(self, field: str = "") -> str:
        """The path of fields that leads to one of these, as `clusters[0].ssh.port`."""
        return ".".join(part for part in (self._where, field) if part) or "the file"

    def __contains__(self, field: str) -> bool:
        """Whether the field is there, and not null."""
        return field in self._values

    def lacks(self, field: str) -> bool:
        """Whether the field is missing, and none stands there that was named as its misspelling."""
        return field not in self._values and field not in self._misspelled

    def text(
        self,
        field: str,
        wrong: Callable[[str], str | None] = lambda _: None,
        *,
        may_be_empty: bool = False,
    ) -> str | None:
        """A field of text; `wrong` says what is wrong with a value, or nothing."""
        node = self._values.get(field)
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode) or node.tag != _STRING:
            remedy = f'write it in quotes: "{node.value}"' if _is_scalar(node) else ""
            self.problem(f"must be text, not {_kind(node)}", remedy, field=field)
            return None
        if not node.value.strip():
            complaint = None if may_be_empty else "must not be empty"
        else:
            complaint = wrong(node.value)
        if complaint:
            self.problem(complaint, field=field)
            return None
        return str(node.value)

    def integer(self, field: str, lowest: int, highest: int) -> int | None:
        """A field that holds a whole number in this range."""
        number = self._number(field, (_INTEGER,), "a whole number")
        if number is not None and not lowest <= number <= highest:
            self.problem(f"must be from {lowest} to {highest}, not {number:g}", field=field)
            return None
        return None if number is None else int(number)

    def seconds(self, field: str, highest: float) -> float | None:
        """A field that holds a number of seconds, above zero."""
        number = self._number(field, (_INTEGER, _FLOAT), "a number of seconds")
        if number is not None and not 0 < number <= highest:
            self.problem(f"must be above 0, at most {highest:g}, not {number:g}", field=field)
            return None
        return number

    def boolean(self, field: str) -> bool | None:
        """A field that is true or false."""
        node = self._values.get(field)
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode) or node.tag != _BOOLEAN:
            self.problem(f"must be true or false, not {_kind(node)}", field=field)
            return None
        return bool(self._loader.construct_yaml_bool(node))

    def section(self, field: str, known: Sequence[str] | None) -> Fields | None:
        """The fields of a mapping below; None where it is not there or is none."""
        node = self._values.get(field)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            self.problem(f"must hold fields, not {_kind(node)}", field=field)
            return None
        return Fields(node, self.path(field), self._loader, self._problems, known)

    def sections(self, field: str, known: Sequence[str]) -> Iterator[Fields]:
        """The mappings of a list below."""
        node = self._values.get(field)
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            self.problem(f"must be a list, not {_kind(node)}", field=field)
            return
        for index, item in enumerate(node.value):
            where = f"{self.path(field)}[{index}]"
            if isinstance(item, yaml.MappingNode):
                yield Fields(item, where, self._loader, self._problems, known)
            else:
                self._problems.add(item, f"{where}: must hold fields, not {_kind(item)}")

    def refuse_mistyped(self, known: Sequence[str]) -> None:
        """Note a problem with every unknown field that is nearly a known one that is not there.

        Where any field is allowed, one that means nothing may be news; such a one is a slip.
        """
        missing = [name for name in known if name not in self._values]
        for field in self._values:
            near = difflib.get_close_matches(field, missing, n=1, cutoff=_NEARLY)
            if field not in known and near:
                self.problem("unknown field", f"did you mean {near[0]!r}?", field=field)

    def is_empty_list(self, field: str) -> bool:
        """Whether a field holds a list with nothing in it."""
        node = self._values.get(field)
        return isinstance(node, yaml.SequenceNode) and not node.value

    def whole_number_text(self, field: str) -> int | None:
        """A whole number, zero or more, written as text ("7776000") or plainly."""
        node = self._values.get(field)
        if node is None:
            return None
        text = node.value.strip() if isinstance(node, yaml.ScalarNode) else ""
        if not _is_scalar(node) or not (text.isascii() and text.isdigit()) or len(text) > 15:
            self.problem(f"must be seconds in quotes, not {_kind(node)}", '"7776000"', field=field)
            return None
        return int(text)

    def _number(self, field: str, tags: tuple[str, ...], wanted: str) -> float | None:
        node = self._values.get(field)
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode) or node.tag not in tags:
            self.problem(f"must be {wanted}, not {_kind(node)}", field=field)
            return None
        if node.tag == _INTEGER:
            return int(self._loader.construct_yaml_int(node))
        return float(self._loader.construct_yaml_float(node))

    def _read(self, known: Sequence[str] | None) -> dict[str, yaml.Node]:
        if not isinstance(self.node, yaml.MappingNode):
            self.problem(f"must hold fields, not {_kind(self.node)}")
            return {}
        self._note_duplicates(self.node)
        try:
            self._loader.flatten_mapping(self.node)
        except yaml.YAMLError as error:
            self.problem(f"a merge (<<) is wrong: {getattr(error, 'problem', error)}")
        values: dict[str, yaml.Node] = {}
        for key, value in self.node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != _STRING:
                self._problems.add(key, f"{self.path()}: the name of a field must be text")
            elif known is not None and key.value not in known:
                self._unknown(key, known)
            elif value.tag == _NULL:
                values.pop(key.value, None)
            else:
                values[key.value] = value
        return values

    def _note_duplicates(self, node: yaml.MappingNode) -> None:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            if key.value in seen:
                self._problems.add(
                    key, f"{self.path(key.value)}: stands here twice", f"see line {seen[key.value]}"
                )
            seen.setdefault(key.value, key.start_mark.line + 1)

    def _unknown(self, key: yaml.ScalarNode, known: Sequence[str]) -> None:
        lowered = {name.lower(): name for name in known}
        spelled = key.value.replace("_", "").replace("-", "").lower()
        near = difflib.get_close_matches(spelled, lowered, n=1, cutoff=0.6)
        self._misspelled.update(lowered[one] for one in near)
        remedy = f"did you mean {lowered[near[0]]!r}?" if near else f"there are: {', '.join(known)}"
        where = f"{self._where}: " if self._where else ""
        self._problems.add(key, f"{where}unknown field {key.value!r}", remedy)


def _is_scalar(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode)


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.MappingNode):
        return "fields"
    if node.tag == _NULL:
        return "nothing"
    value = str(node.value)
    return repr(value if len(value) <= 40 else value[:39] + "…")
