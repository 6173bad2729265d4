"""Wrong use of the command line: what is wrong, what may be meant, where help is; exit 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui import command_line
from tui.command_line import main


def said(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What stderr says of arguments that are wrong."""
    with pytest.raises(SystemExit) as left:
        main(words.split())
    assert left.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize(
    ("words", "what", "help_of"),
    [
        ("verfy latest", "'verfy' is none of etcd-rescue's commands; is 'verify' meant?", ""),
        ("frob", "'frob' is none of etcd-rescue's commands; there are: demo,", ""),
        ("help nothing", "'nothing' is none of etcd-rescue's commands", ""),
        ("backup st", "is 'set' meant?", "backup"),
        ("runs rolback", "is 'rollback' meant?", "runs"),
        ("check --alow-node-count 3", "is '--allow-node-count' meant?", "check"),
        ("backup set --s3-buket x", "is '--s3-bucket' meant?", "backup set"),
        (
            "snapshots -o yaml",
            "--output cannot be 'yaml'; there are: table, json",
            "snapshots",
        ),
        ("demo --broken diverge", "is 'diverged' meant?", "demo"),
        ("runs show 1 2", "'2' is one argument too many", "runs"),
        ("restore", "REF", "restore"),
        ("health --wait soon", "'soon' is no number of seconds", "health"),
        ("health --wait -5", "'-5' is no number of seconds", "health"),
        ("health --wait nan", "'nan' is no number of seconds", "health"),
    ],
)
def test_what_is_wrong_is_named_with_what_may_be_meant(
    words: str, what: str, help_of: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = said(words, capsys)
    assert what in told
    assert told.endswith(f"  → {' '.join(['etcd-rescue', *help_of.split()])} --help\n")


@pytest.mark.parametrize("word", ["--paused true", "--paused false", "--s3-skip-tls-verify true"])
def test_a_switch_of_the_configuration_is_taken_in_the_words_of_its_yaml(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = said(f"backup set {word} --unknown", capsys)
    assert "'--unknown'" in told
    assert "cannot be" not in told


def test_no_option_can_be_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    """`--quorum` must not become a yes to `--quorum-is-alive`."""
    assert "there is no option '--quorum'" in said("restore x --confirm y --quorum", capsys)


def test_a_file_that_is_not_there_is_no_corrupt_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text("clusters: [{name: prod-a, controlPlane: [{name: etcd-1}]}]\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["--inventory", str(inventory), "verify", f"{tmp_path}/nothing.db"]) == 1
    told = capsys.readouterr()
    assert "corrupt" not in told.out + told.err
    assert "nothing.db: the file cannot be read" in told.err


def test_a_machine_that_can_keep_nothing_calls_no_snapshot_corrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is this machine's directory, and the remedy is of it."""
    inventory, snapshot = tmp_path / "inventory.yaml", tmp_path / "x.db"
    inventory.write_text("clusters: [{name: prod-a, controlPlane: [{name: etcd-1}]}]\n")
    snapshot.write_bytes(b"\0" * 4096)
    (tmp_path / "a-file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "a-file"))
    for command in ("verify", "inspect"):
        assert main(["--inventory", str(inventory), command, str(snapshot)]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert "the directory cannot be made: Not a directory" in told.err
        assert "set XDG_STATE_HOME and XDG_CACHE_HOME" in told.err


def test_an_error_that_nobody_foresaw_is_a_sentence_and_goes_to_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(command_line, "_obey", lambda _: 1 // 0)
    assert main(["help"]) == 1
    told = capsys.readouterr().err
    assert "ZeroDivisionError" in told
    assert "Traceback" not in told
    log = tmp_path / ".local/state/etcd-rescue/etcd-rescue.log"
    assert str(log) in told
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_a_cluster_that_is_named_wrongly_is_told_also_where_runs_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text("clusters: [{name: prod-a, controlPlane: [{name: etcd-1}]}]\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["runs", "--inventory", str(inventory), "--cluster", "prod-b"]) == 2
    assert "did you mean 'prod-a'?" in capsys.readouterr().err


@pytest.mark.parametrize(("place", "told"), [("/root/.local/bin", True), ("/opt/bin", False)])
def test_a_unit_with_a_program_that_its_user_cannot_run_is_warned_of(
    place: str, told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", [f"{place}/etcd-rescue"])
    monkeypatch.setattr("sys.prefix", "/opt")
    assert main(["backup", "unit"]) == 0
    out, err = capsys.readouterr()
    assert f"ExecStart={place}/etcd-rescue backup run" in out
    assert ("home directory" in err) is told


def test_the_scheduler_does_not_begin_with_a_schedule_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its service shows that at once, instead of a service that runs and takes no backup."""
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(
        "clusters: [{name: prod-a, controlPlane: [{name: etcd-1}], "
        "backup: {schedule: every day, localStorage: {path: /cpaas/backup}}}]\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    for more in ([], ["--directly"]):
        assert main(["--inventory", str(inventory), "backup", "run", *more]) == 2
        told = capsys.readouterr().err
        assert "prod-a: backup.schedule: “every day” is no schedule" in told
        assert "keeping the schedule" not in told
