"""Scripts on a node, over asyncssh's server and over OpenSSH's."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Sequence
from pathlib import Path

import pytest

from recovery.errors import LoginRefusedError, ScriptError
from recovery.ssh.output import KEPT_BYTES
from recovery.ssh.script import script
from recovery.ssh.session import NodeSession, OutputStream
from tests.ssh.servers import (
    SSHD,
    Account,
    InProcessServer,
    in_process_server,
    openssh_server,
)
from tests.ssh.waiting import until


def alive(pid: int) -> bool:
    """Whether a process runs, and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def test_a_script_gives_status_and_both_streams(session: NodeSession) -> None:
    result = await session.run("echo out; echo err >&2; exit 3", timeout=10)
    assert (result.node, result.exit_status) == ("etcd-1", 3)
    assert (result.stdout, result.stderr) == ("out\n", "err\n")
    assert not result.succeeded


async def test_a_child_that_reads_stdin_never_eats_the_script(session: NodeSession) -> None:
    assert await session.check("cat; echo after") == "after\n"


async def test_stdin_reaches_the_script(session: NodeSession) -> None:
    content = b"x" * 3_000_000
    result = await session.run("wc -c", timeout=10, stdin=content)
    assert result.stdout.strip() == "3000000"


async def test_a_script_that_ignores_its_stdin_still_ends(session: NodeSession) -> None:
    result = await session.run("exit 4", timeout=10, stdin=b"x" * 5_000_000)
    assert result.exit_status == 4


async def test_values_are_never_run(session: NodeSession) -> None:
    value = "a'b\"c $(touch /nowhere/x) `id`\n;exit 9 *"
    assert await session.check(script("printf '%s' \"$VALUE\"", value=value)) == value


async def test_administrators_tools_are_on_the_path_and_output_is_english(
    session: NodeSession,
) -> None:
    path, locale = (await session.check('echo "$PATH"; echo "$LC_ALL"')).split()
    assert path.split(":")[-6:-2] == ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"]
    assert locale == "C"


async def test_a_failed_check_names_node_status_and_the_last_words(session: NodeSession) -> None:
    with pytest.raises(ScriptError) as caught:
        await session.check("echo first >&2; echo second >&2; exit 7")
    error = caught.value
    assert (error.where, error.exit_status) == ("etcd-1", 7)
    assert error.what == "a script ended with status 7: second"
    assert error.detail == "first\nsecond"


async def test_a_script_ended_by_a_signal_has_not_succeeded(session: NodeSession) -> None:
    result = await session.run("kill -s KILL $$", timeout=10)
    assert result.exit_status == 137


async def test_output_arrives_while_the_script_runs(session: NodeSession) -> None:
    seen: list[tuple[OutputStream, str]] = []

    def sink(stream: OutputStream, lines: Sequence[str]) -> None:
        seen.extend((stream, line) for line in lines)

    running = asyncio.ensure_future(
        session.run(
            "echo one; echo two >&2; cat /proc/self/status > /dev/null; sleep 30",
            timeout=60,
            on_output=sink,
        )
    )
    await until(lambda: len(seen) == 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sorted(seen, key=lambda item: item[1]) == [
        (OutputStream.OUT, "one"),
        (OutputStream.ERR, "two"),
    ]


async def test_the_last_line_without_newline_is_delivered(session: NodeSession) -> None:
    seen: list[str] = []
    await session.run("printf 'a\\nb'", timeout=10, on_output=lambda _, lines: seen.extend(lines))
    assert seen == ["a", "b"]


async def test_escape_sequences_reach_neither_screen_nor_parser(session: NodeSession) -> None:
    seen: list[str] = []
    result = await session.run(
        "printf '\\033]52;c;ZXZpbA==\\007\\033[31mred\\033[0m\\n'; printf '\\033[2Jx\\n' >&2",
        timeout=10,
        on_output=lambda _, lines: seen.extend(lines),
    )
    assert sorted(seen) == ["red", "x"]
    assert (result.stdout, result.stderr) == ("red\n", "x\n")


async def test_bytes_that_are_not_utf_8_are_shown_as_such(session: NodeSession) -> None:
    assert await session.check("printf '\\377ok'") == "\\xffok"


async def test_the_whole_process_group_ends_with_the_timeout(
    session: NodeSession, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    body = script('echo $$ > "$PIDS"; sleep 600 & echo $! >> "$PIDS"; wait', pids=str(pids))
    with pytest.raises(ScriptError, match="did not end within 1 s") as caught:
        await session.run(body, timeout=1)
    assert caught.value.exit_status is None
    for pid in pids.read_text().split():
        await until(lambda pid=pid: not alive(int(pid)))  # type: ignore[misc]


async def test_a_cancelled_script_is_ended_on_the_node(
    session: NodeSession, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    body = script('sleep 600 & echo $! > "$PIDS"; wait', pids=str(pids))
    running = asyncio.ensure_future(session.run(body, timeout=60))
    await until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: not alive(int(pids.read_text())))


async def test_a_script_that_ignores_term_is_ended_too(
    session: NodeSession, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    body = script("trap '' TERM; echo $$ > \"$PIDS\"; while :; do sleep 1; done", pids=str(pids))
    with pytest.raises(ScriptError):
        await session.run(body, timeout=1)
    await until(lambda: not alive(int(pids.read_text())))


async def test_more_scripts_than_channels_all_run(session: NodeSession) -> None:
    results = await asyncio.gather(*(session.check(f"echo {n}") for n in range(30)))
    assert results == [f"{n}\n" for n in range(30)]


async def test_output_without_end_is_kept_in_bounded_memory(session: NodeSession) -> None:
    body = "echo first; head -c 30000000 /dev/zero | tr '\\0' 'x'; echo; echo last"
    result = await session.run(body, timeout=60)
    assert result.truncated and len(result.stdout) < KEPT_BYTES + 300_000
    assert result.stdout.startswith("first\n") and result.stdout.endswith("\nlast\n")
    assert "bytes left out" in result.stdout


async def test_a_check_whose_output_is_incomplete_fails(session: NodeSession) -> None:
    with pytest.raises(ScriptError, match="more than can be kept"):
        await session.check(f"head -c {KEPT_BYTES * 2} /dev/zero | tr '\\0' 'x'")


async def test_a_script_too_long_for_a_command_line_is_an_error(session: NodeSession) -> None:
    with pytest.raises(ScriptError, match="too long"):
        await session.check("#" * 200_000)


async def test_what_the_login_shell_prints_is_no_output_of_the_script(account: Account) -> None:
    talkative = InProcessServer(greeting=b"Welcome to etcd-1!\n\n")
    async with in_process_server(account, talkative) as server:
        account.trust(server)
        session = NodeSession(account.node(server))
        assert await session.check("echo only this") == "only this\n"
        await session.close()


async def test_a_forced_command_that_ends_well_is_no_success(account: Account) -> None:
    async with in_process_server(account, InProcessServer(forced_command="true")) as server:
        account.trust(server)
        session = NodeSession(account.node(server))
        with pytest.raises(LoginRefusedError, match="runs no commands"):
            await session.run("echo hello", timeout=10)
        with pytest.raises(LoginRefusedError, match="runs no commands"):
            await session.read_file("/etc/hostname")
        await session.close()


async def test_a_lost_connection_is_never_success(
    account: Account, server: InProcessServer
) -> None:
    session = NodeSession(account.node(server))
    began = asyncio.Event()
    running = asyncio.ensure_future(
        session.run("echo here; sleep 60", timeout=60, on_output=lambda *_: began.set())
    )
    await began.wait()
    server.drop()
    result = await running
    assert result.exit_status is None and not result.succeeded
    assert result.stdout == "here\n"
    assert await session.check("echo again") == "again\n"
    await session.close()


async def test_a_check_on_a_lost_connection_says_that_nobody_knows(
    account: Account, server: InProcessServer
) -> None:
    session = NodeSession(account.node(server))
    began = asyncio.Event()
    running = asyncio.ensure_future(
        session.check("echo here; sleep 60", on_output=lambda *_: began.set())
    )
    await began.wait()
    server.drop()
    with pytest.raises(ScriptError, match="nobody knows how it ended") as caught:
        await running
    assert caught.value.exit_status is None
    await session.close()


@pytest.mark.skipif(SSHD is None, reason="OpenSSH's sshd is not installed")
async def test_a_server_with_few_sessions_serves_one_script_after_another(
    account: Account,
) -> None:
    async with openssh_server(account, "MaxSessions 2") as server:
        account.trust(server)
        session = NodeSession(account.node(server, user=getpass.getuser()))
        results = await asyncio.gather(*(session.check(f"echo {n}") for n in range(12)))
        assert results == [f"{n}\n" for n in range(12)]
        await session.close()
