"""What an etcd container's log tells about its end."""

from __future__ import annotations

import json

import pytest

from recovery.cluster.etcd_exit import EtcdExit, ExitCause
from recovery.cluster.facts import Container
from recovery.cluster.last_words import read_exit, telling_containers

ENDED = Container("a1", "etcd", "CONTAINER_EXITED", 4, created_at=100.0)


def line(level: str, message: str, **fields: str) -> str:
    return json.dumps({"level": level, "ts": "2026-11-22T14:00:00Z", "msg": message, **fields})


def ended(*lines: str, code: str = "1", container: Container = ENDED) -> EtcdExit:
    log = "\n".join(lines)
    found = read_exit([container], f"\n--m log\nexit={code}\n{log}\n\n--m end\n", "--m")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ([line("panic", "failed to open database", error="invalid database")], ExitCause.DATA),
        (["2021-01-02 10:00:00.000000 C | wal: crc mismatch"], ExitCause.DATA),
        (["panic: freepages: failed to get all reachable pages (page 7 already freed)"],
         ExitCause.DATA),
        ([line("fatal", "discovery failed", error="member count is unequal")],
         ExitCause.MEMBERSHIP),
        ([line("fatal", "discovery failed", error="listen tcp: bind: address already in use")],
         ExitCause.PORT_IN_USE),
        ([line("fatal", "failed to create WAL", error="write x: no space left on device")],
         ExitCause.DISK_FULL),
        ([line("warn", "rejected connection", error="remote error: tls: bad certificate")],
         ExitCause.CERTIFICATE),
        ([line("fatal", "open /var/lib/etcd/member: permission denied")], ExitCause.PERMISSION),
        ([line("fatal", "something new")], ExitCause.UNKNOWN),
        ([], ExitCause.UNKNOWN),
    ],
)  # fmt: skip
def test_the_cause_is_in_the_line_with_which_it_gave_up(lines: list[str], cause: ExitCause) -> None:
    assert ended(line("info", "starting etcd"), *lines).cause is cause


def test_a_warning_on_the_way_says_nothing_about_the_data() -> None:
    found = ended(line("warn", "lost TCP streaming connection", error="unexpected EOF"), code="137")
    assert not found.cause.spoils_data
    assert "killed" in found.reason


def test_an_expired_certificate_is_said_before_the_refusals_that_follow_from_it() -> None:
    found = ended(
        line("warn", "prober detected unhealthy status", error="x509: certificate has expired"),
        line("warn", "rejected connection", error="remote error: tls: bad certificate"),
    )
    assert "has expired" in found.reason


def test_long_words_lose_their_middle_because_the_point_is_at_the_end() -> None:
    found = ended(line("fatal", "discovery failed", error="x" * 3000 + ": member count is unequal"))
    assert len(found.reason) <= 301
    assert found.reason.endswith("member count is unequal")


def test_what_steers_a_terminal_is_taken_out() -> None:
    found = ended("2021-01-02 10:00:00.000000 C | \x1b]52;c;ZXZpbA==\x07 data \x1b[31mred")
    assert "\x1b" not in found.reason and "\x07" not in found.reason
    assert found.lines == ("data red",)


def test_the_same_line_again_and_again_is_kept_once() -> None:
    found = ended(*[line("warn", "rejected connection", error="tls: bad certificate")] * 9)
    assert found.lines == ("rejected connection: tls: bad certificate",)


def test_of_a_container_that_has_just_begun_the_one_before_tells_more() -> None:
    young = Container("b2", "etcd", "CONTAINER_RUNNING", 5, created_at=190.0)
    assert telling_containers([ENDED, young], 200.0) == (young, ENDED)
    assert telling_containers([ENDED, young], 900.0) == (young,)
    assert telling_containers([ENDED], 900.0) == (ENDED,)
    assert telling_containers([Container("c", "kube-proxy", "CONTAINER_RUNNING")], 1.0) == ()
    output = (
        f"\n--m log\nexit=\n{line('info', 'starting etcd')}\n"
        f"\n--m log\nexit=2\n{line('panic', 'failed to open database')}\n\n--m end\n"
    )
    found = read_exit([young, ENDED], output, "--m")
    assert found is not None
    assert (found.attempt, found.exit_code, found.cause) == (4, 2, ExitCause.DATA)
