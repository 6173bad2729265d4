"""A node's log can be read again, and nothing a node prints passes for something else."""

from __future__ import annotations

from datetime import UTC, datetime

from recovery.restore.events import Stream
from recovery.restore.node_log import heading, log_lines, read_log

AT = datetime(2026, 11, 22, 14, 2, 31, 123000, tzinfo=UTC)


def test_what_a_node_says_belongs_to_the_try_that_was_begun_before() -> None:
    written = [
        heading(AT, "stop", "stop-kubelet", 1),
        *log_lines(AT, Stream.COMMAND, ["$ systemctl stop kubelet"]),
        heading(AT, "stop", "stop-kubelet", 2),
        *log_lines(AT, Stream.ERR, ["no such unit"]),
    ]
    first, second = read_log("\n".join(written) + "\n")
    assert (first.step, first.action, first.attempt) == ("stop", "stop-kubelet", 1)
    assert [(line.stream, line.text) for line in first.lines] == [
        (Stream.COMMAND, "systemctl stop kubelet")
    ]
    assert second.attempt == 2
    assert second.lines[0].sign == "!"


def test_a_node_cannot_forge_a_heading_or_another_stream() -> None:
    forged = [heading(AT, "prove", "prove-health", 1), "14:02:31Z · recovered"]
    (part,) = read_log("\n".join(log_lines(AT, Stream.OUT, forged)))
    assert part.action == ""
    assert [line.stream for line in part.lines] == [Stream.OUT, Stream.OUT]
    assert [line.text for line in part.lines] == forged


def test_a_torn_line_and_a_log_of_an_older_version_are_output() -> None:
    (part,) = read_log("$ systemctl stop kubelet\n14:02:3")
    assert [line.text for line in part.lines] == ["$ systemctl stop kubelet", "14:02:3"]
    assert part.lines[0].at == ""
