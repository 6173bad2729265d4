"""The documents tell the truth: their commands parse, their links lead somewhere, their files
exist, their inventory loads."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from recovery.inventory.load import load_inventory
from recovery.rehearsal.breaking import Breakage
from tests.cluster_fixtures import CHECKOUT
from tui import command_line
from tui.command_line import COMMANDS, build_parser

DOCUMENTS = (
    *(CHECKOUT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((CHECKOUT / "assets/docs").glob("*.md")),
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_OURS = ("etcd-rescue", "./etcd-rescue")
# Options of other programs, which the documents name as well.
_FOREIGN = re.compile(
    r"--(initial-|bump-revision|mark-compacted|skip-hash-check|data-dir|snapshot-update|name|"
    r"broken|dist|find-links|no-index)"
)


def named(path: Path) -> str:
    """How a test calls a document."""
    return str(path.relative_to(CHECKOUT))


def prose(document: Path) -> str:
    """A document without its blocks."""
    return _FENCE.sub("", document.read_text())


def spans(document: Path) -> list[str]:
    """What stands between backquotes in the text, a line's end being a blank."""
    return [" ".join(span.split()) for span in _SPAN.findall(prose(document))]


def words_of(line: str) -> Iterator[list[str]]:
    """The words of every call of etcd-rescue in one line of shell."""
    # `$(…)` inside quotes is a command too.
    for inner in re.findall(r"\$\(([^()]*)\)", line):
        yield from words_of(inner)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    simple: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;<>"):
            if simple and simple[0] in _OURS:
                yield simple[1:]
            # What follows a redirection is a file.
            simple = ["a file"] if set(word) & set("<>") else []
        else:
            simple.append(word)


def commands(document: Path) -> list[list[str]]:
    """The arguments of every call of etcd-rescue, in blocks and in the text."""
    found = []
    for language, block in _FENCE.findall(document.read_text()):
        if language in ("sh", "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                found += list(words_of(line))
    for span in spans(document):
        first = span.split()[0].lstrip(".")
        if "etcd-rescue " in span:
            found += list(words_of(span))
        elif first in ("backup", "runs", "demo") and " " in span:
            found += list(words_of(f"etcd-rescue {span}"))
    return found


def parsed(words: list[str]) -> argparse.Namespace:
    """The arguments by the program's own parser, which has nothing against them."""
    try:
        return build_parser(words).parse_args(words)
    except SystemExit as left:
        assert left.code == 0, f"etcd-rescue {' '.join(words)}"
        return argparse.Namespace()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_of_a_document_parses(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in commands(document):
        parsed([word for word in words if word not in ("…", "...")])
    assert "is none of" not in capsys.readouterr().err


def test_the_readers_of_commands_find_them() -> None:
    """A test of the test: what it looks at is not nothing."""
    assert len(commands(CHECKOUT / "README.md")) > 15
    assert ["completion", "bash"] in commands(CHECKOUT / "README.md")
    with pytest.raises(AssertionError):
        parsed(["restore", "latest", "--conform", "x"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_option_that_a_document_names_exists(document: Path) -> None:
    known = set(build_parser().all_options())
    for span in spans(document):
        for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", span):
            assert option in known or _FOREIGN.match(option), f"{named(document)}: {option}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    for link in _LINK.findall(document.read_text()):
        if "://" in link:
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (document.parent / path) if path else document
        assert target.exists(), link
        if anchor:
            headings = _HEADING.findall(target.read_text())
            assert anchor in {anchor_of(heading) for heading in headings}, link


def anchor_of(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_file_of_the_checkout_that_a_document_names_exists(document: Path) -> None:
    inside = [room.relative_to(CHECKOUT) for room in (CHECKOUT / "recovery").iterdir()]
    rooms = [*map(Path, ("", "recovery", "screens", "tui", "tests/backups")), *inside]
    for span in spans(document):
        word = span.split()[0]
        ours = word.endswith(".py") or word.startswith(("assets/", "tests/", "recovery/", ".ci/"))
        if ours and not set(word) & set("<>*~$…"):
            assert any((CHECKOUT / room / word).exists() for room in rooms), word


def test_every_way_to_be_broken_that_is_named_exists() -> None:
    drills = (CHECKOUT / "assets/docs/drills.md").read_text()
    known = {way.value for way in Breakage}
    for way in re.findall(r"`([a-z]+(?:-[a-z]+)*)`", drills.partition("Other ways")[2]):
        if "-" in way and way not in ("kubelet-hangs", "etcd-breaks"):
            assert way in known, way


def test_the_inventory_of_the_readme_loads(tmp_path: Path) -> None:
    blocks = dict(_FENCE.findall((CHECKOUT / "README.md").read_text()))
    file = tmp_path / "inventory.yaml"
    file.write_text(blocks["yaml"])
    assert load_inventory(file).clusters[0].name == "prod-a"


def test_the_exit_statuses_of_the_readme_are_those_of_the_program() -> None:
    readme = " ".join((CHECKOUT / "README.md").read_text().split())
    assert "Exit status: 0 good, 1 the answer is bad, 2 wrong use, 3 refused, 4 interrupted." in (
        readme
    )
    program = command_line
    assert (program.EXIT_GOOD, program.EXIT_BAD, program.EXIT_USAGE) == (0, 1, 2)
    assert (program.EXIT_REFUSED, program.EXIT_INTERRUPTED) == (3, 4)


@pytest.mark.parametrize("name", ["", *COMMANDS, "backup show", "backup set", "backup now"])
def test_every_example_of_the_help_parses(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser(name.split()).parse_args([*name.split(), "--help"])
    said = capsys.readouterr().out.replace("\\\n", " ")
    for line in said.splitlines():
        if line.startswith("  etcd-rescue"):
            # Two blanks and more stand before an explanation.
            for words in words_of(re.split(r"(?<=\S) {2,}", line.strip())[0]):
                parsed(words)


def test_what_the_program_tells_to_type_are_commands() -> None:
    """Remedies, advice, the words of screens: wherever `etcd-rescue WORD` is said."""
    told = re.compile(r"etcd-rescue ([a-z]+)(?: ([a-z]+))?")
    below = {
        "backup": {"show", "set", "now", "run", "unit"},
        "runs": {"list", "show", "report", "resume", "rollback", "clean"},
    }
    seen = 0
    for room in ("recovery", "screens", "tui"):
        for source in (CHECKOUT / room).rglob("*.py"):
            for command, then in told.findall("\n".join(texts_of(source))):
                where = f"{source}: etcd-rescue {command} {then}"
                assert command in COMMANDS or command in _PROSE, where
                if then and command in below:
                    assert then in below[command] or then in _PROSE, where
                seen += command in COMMANDS
    assert seen > 50


_PROSE = {
    *(
        "alone",
        "anew",
        "cannot",
        "does",
        "has",
        "in",
        "is",
        "may",
        "met",
        "on",
        "takes",
        "that",
        "yet",
    ),
}
"""Words that follow the program's name, or a command's, in a sentence."""


def texts_of(source: Path) -> Iterator[str]:
    """The texts of a module, without its docstrings."""
    tree = ast.parse(source.read_text())
    remarks = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in remarks
        ):
            yield node.value
