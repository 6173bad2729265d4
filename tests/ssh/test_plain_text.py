"""Text from outside is harmless when it is shown."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.ssh.output import Kept
from recovery.ssh.plain_text import (
    LONGEST_LINE,
    LineAssembler,
    pieces,
    plain_line,
    without_controls,
)


def lines_of(*chunks: bytes) -> list[str]:
    """What a stream of chunks becomes."""
    assembler = LineAssembler()
    lines = [line for chunk in chunks for line in assembler.feed(chunk)]
    return lines + assembler.finish()


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("a\x1b[1;31mred\x1b[0mb", "aredb"),
        ("\x1b]52;c;cm0gLXJmIC8=\x07after", "after"),
        ("\x1b]0;title\x1b\\after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP+q544e\x1b\\after", "after"),
        ("\x1b_Gf=24;AAAA\x1b\\after", "after"),
        ("\x9b31mred\x9d52;c;x\x9cafter", "redafter"),
        ("\x1b[?1049h\x1b[2J\x1b(0q\x1b=", "q"),
        ("bell\x07 back\x08 null\x00 del\x7f", "bell back null del"),
        ("tab\tstays", "tab\tstays"),
        ("10 %\r50 %\r100 %", "100 %"),
        ("100 %\r", "100 %"),
        ("\u202eexe.txt", "\\u202eexe.txt"),
        ("[/bold] [link=x]", "[/bold] [link=x]"),
        ("é ü 漢", "é ü 漢"),
        ("cut \x1b[", "cut "),
        ("cut \x1b]52;c;open", "cut "),
    ],
)
def test_a_line_loses_its_control_sequences(raw: str, plain: str) -> None:
    assert plain_line(raw) == plain


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    for line in (plain_line(text.replace("\n", "")), *lines_of(text.encode("utf-8", "replace"))):
        assert not any(
            (ord(character) < 32 and character != "\t") or 127 <= ord(character) < 160
            for character in line
        )


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_how_output_is_cut_into_chunks_does_not_matter(content: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    chunks = [content[a:b] for a, b in pairwise(edges)]
    assert lines_of(*chunks) == lines_of(content)


def test_a_character_split_between_chunks_is_whole() -> None:
    assert lines_of(b"\xe2\x82", b"\xac\n") == ["€"]


def test_bytes_that_are_no_utf_8_are_spelled_out() -> None:
    assert lines_of(b"\xffok\n") == ["\\xffok"]


def test_a_sequence_split_between_chunks_is_removed() -> None:
    assert lines_of(b"a\x1b", b"[3", b"1mb\n") == ["ab"]


def test_an_open_sequence_hides_nothing_below_it() -> None:
    assert lines_of(b"\x1b]0;open\nnext\n") == ["", "next"]


def test_windows_line_ends_are_ends() -> None:
    assert lines_of(b"a\r\nb\r", b"\nc") == ["a", "b", "c"]


def test_a_progress_line_without_end_shows_its_last_state() -> None:
    updates = b"".join(b"%d of 100000\r" % n for n in range(100_000))
    assert lines_of(updates[:50_000], updates[50_000:], b"\ndone\n") == ["99999 of 100000", "done"]


@pytest.mark.parametrize("unit", [b"x", b"\x1b[", b"\x1b]", b"\x1b[0;", b"\r", b"x\r", b"\xff"])
def test_ten_megabytes_without_newline_take_little_time_and_memory(unit: bytes) -> None:
    assembler = LineAssembler()
    chunk = unit * (65536 // len(unit))
    began = time.process_time()
    for _ in range(160):
        assert assembler.feed(chunk) == []
    (line,) = assembler.feed(b"\n")
    assert time.process_time() - began < 5
    assert len(line) < LONGEST_LINE + 100


def test_a_line_that_is_cut_says_how_much() -> None:
    (line,) = lines_of(b"x" * 100_000 + b"\n")
    assert line == "x" * LONGEST_LINE + f" … [{100_000 - LONGEST_LINE} characters cut]"


def test_text_to_parse_keeps_long_lines_and_separators() -> None:
    text = '{"a": "' + "x" * 100_000 + '"}\0two\r\n\x1b[31mred'
    assert without_controls(text) == '{"a": "' + "x" * 100_000 + '"}\0two\nred'


@given(st.text(st.sampled_from("a\n\x1b[]0m;\x07\r")), st.integers(0, 9))
def test_long_text_may_be_made_plain_part_by_part(text: str, size: int) -> None:
    parts = list(pieces(text, size))
    assert "".join(parts) == text
    assert "".join(without_controls(part) for part in parts) == without_controls(text)


@given(st.lists(st.binary(max_size=40)), st.integers(2, 64))
def test_what_is_kept_is_the_beginning_and_the_end(chunks: list[bytes], limit: int) -> None:
    kept = Kept(limit)
    for chunk in chunks:
        kept.add(chunk)
    content = b"".join(chunks)
    whole = content.decode("utf-8", "backslashreplace")
    if not kept.truncated:
        assert kept.text() == whole
        return
    head, _, _ = kept.text().partition("\n… [")
    assert whole.startswith(head[: max(len(head) - 16, 0)])
