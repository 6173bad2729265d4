"""The backup screen: what it shows, what it lets a person change, and what it never does alone."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from recovery.backups.platform import ConflictError
from recovery.backups.seen_configuration import Source
from screens.backup import BackupScreen
from tests.screens.canned import Answers
from tests.screens.canned_backups import CERTIFICATE, BackupAnswers, canned_seen
from tests.screens.looking import settled, shows, text_on_screen
from tests.screens.opening import at_home, opened


def answers(backups: BackupAnswers | None = None) -> Answers:
    return Answers(backups=backups or BackupAnswers())


async def to_backup(pilot: Pilot[Any]) -> None:
    """From home; read and listed."""
    await at_home(pilot)
    await pilot.press("b")
    await shows(pilot, "RECORDS AND FILES")
    await settled(pilot, lambda: not getattr(pilot.app.screen, "_reading", True))
    await pilot.pause()


async def type_over(pilot: Pilot[Any], text: str) -> None:
    """In the field that has the focus."""
    field = pilot.app.focused
    assert isinstance(field, Input)
    field.cursor_blink = False
    field.value = text
    await pilot.pause()


async def change_schedule(pilot: Pilot[Any], cron: str) -> None:
    await pilot.press("enter")
    await shows(pilot, "Change schedule")
    await type_over(pilot, cron)
    await pilot.press("enter")
    await shows(pilot, "1 change not written yet")


async def to_keys(pilot: Pilot[Any]) -> None:
    await pilot.press("s")
    await shows(pilot, "1 of 4: where")
    for _ in range(5):
        await pilot.press("enter")
    await shows(pilot, "2 of 4: keys")


async def test_a_change_is_written_only_after_a_yes() -> None:
    backups = BackupAnswers()
    async with opened(answers(backups)) as pilot:
        await to_backup(pilot)
        await change_schedule(pilot, "0 */6 * * *")
        await pilot.press("w")
        await shows(pilot, "+schedule: 0 */6 * * *")
        await pilot.press("enter")
        await shows(pilot, "Nothing was written")
        assert backups.written == []
        await shows(pilot, "1 change not written yet")
        await pilot.press("w")
        await shows(pilot, "+schedule")
        await pilot.press("y")
        await settled(pilot, lambda: bool(backups.written))
        await settled(pilot, lambda: "not written yet" not in text_on_screen(pilot.app))
    ((change, keys),) = backups.written
    assert change.patch == {"schedule": "0 */6 * * *"}
    assert keys is None


@pytest.mark.parametrize("width", [80, 120, 139, 140])
async def test_the_records_have_all_their_columns_in_one_line(width: int) -> None:
    async with opened(answers(), size=(width, 36)) as pilot:
        await to_backup(pilot)
        lines = text_on_screen(pilot.app).splitlines()
        (heads,) = (line for line in lines if "Taken (UTC)" in line)
        assert heads.split()[-4:] == ["Age", "Record", "Copies", "Remark"]
        assert any("✖ failed" in line and "Failed" in line for line in lines)


async def test_a_wrong_value_is_not_taken() -> None:
    async with opened(answers()) as pilot:
        await to_backup(pilot)
        await pilot.press("enter")
        await shows(pilot, "Change schedule")
        await type_over(pilot, "nightly")
        await pilot.press("enter")
        await shows(pilot, "is no schedule")
        await pilot.press("escape")
        await settled(pilot, lambda: isinstance(pilot.app.screen, BackupScreen))
        assert "not written yet" not in text_on_screen(pilot.app)


async def test_a_conflict_is_told_and_the_change_stays_in_the_form() -> None:
    conflict = ConflictError("somebody else has changed it meanwhile", where="x", remedy="again")
    backups = BackupAnswers(apply_error=conflict)
    async with opened(answers(backups)) as pilot:
        await to_backup(pilot)
        await change_schedule(pilot, "0 */6 * * *")
        backups.seen = canned_seen(paused=True)
        await pilot.press("w")
        await shows(pilot, "+schedule")
        await pilot.press("y")
        await shows(pilot, "omebody else has changed it meanwhile")
        await pilot.press("escape")
        await settled(pilot, lambda: isinstance(pilot.app.screen, BackupScreen))
        screen = pilot.app.screen
        assert isinstance(screen, BackupScreen)
        assert screen.form.change.patch == {"schedule": "0 */6 * * *"}


async def test_yaml_is_validated_and_what_was_typed_is_kept() -> None:
    async with opened(answers()) as pilot:
        await to_backup(pilot)
        await pilot.press("v")
        await shows(pilot, "keeps the text")
        area = pilot.app.screen.query_one(TextArea)
        area.text = area.text.replace("paused: false", "pausd: true")
        await shows(pilot, "the platform knows no field pausd")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert pilot.app.screen.query(TextArea)
        await pilot.press("escape")
        await shows(pilot, "The text is kept")
        await pilot.press("v")
        await shows(pilot, "pausd")
        area = pilot.app.screen.query_one(TextArea)
        area.text = area.text.replace("pausd: true", "paused: true")
        await pilot.press("ctrl+s")
        await shows(pilot, "1 change not written yet")


async def test_s3_is_set_up_with_typed_keys_and_a_backup_is_seen_to_arrive() -> None:
    backups = BackupAnswers()
    async with opened(answers(backups)) as pilot:
        await to_backup(pilot)
        await to_keys(pilot)
        await type_over(pilot, "AKIA")
        await pilot.press("enter")
        await type_over(pilot, "very secret")
        assert "very secret" not in text_on_screen(pilot.app)
        await pilot.press("enter")
        await shows(pilot, "Backups can be kept there")
        await pilot.press("enter")
        await shows(pilot, "the S3 keys into secret etcd-backup-s3-secret")
        await pilot.press("y")
        await shows(pilot, "The platform takes a backup")
        await pilot.press("y")
        await shows(pilot, "It is recorded and in the bucket.")
    ((_, keys),) = backups.written
    assert keys is not None
    assert (keys.access_key, keys.secret_key) == ("AKIA", "very secret")
    assert backups.tried_with == [keys]


async def test_skipping_the_certificate_is_offered_for_a_self_signed_one_and_rests_on_no() -> None:
    backups = BackupAnswers(self_signed=True)
    async with opened(answers(backups)) as pilot:
        await to_backup(pilot)
        await to_keys(pilot)
        await pilot.press("enter", "enter")
        await shows(pilot, "Enter: back")
        await pilot.press("enter")
        await shows(pilot, CERTIFICATE.fingerprint[:23])
        await pilot.press("enter")
        await shows(pilot, "1 of 4: where")
        assert backups.written == []


async def test_a_failed_backup_names_the_known_trouble() -> None:
    said = 'Failed: secrets "x" is forbidden: User "system:serviceaccount" cannot get resource'
    async with opened(answers(BackupAnswers(backup_result=said))) as pilot:
        await to_backup(pilot)
        await pilot.press("n")
        await shows(pilot, "The platform takes a backup")
        await pilot.press("y")
        await shows(pilot, "missing right to read secrets")


async def test_while_no_api_server_answers_nothing_can_be_changed() -> None:
    backups = BackupAnswers(canned_seen(Source.LAST_SEEN))
    async with opened(answers(backups)) as pilot:
        await to_backup(pilot)
        await shows(pilot, "as last seen 2026-11-22 13:02 UTC, 60 min ago")
        for key in ("enter", "s", "n"):
            await pilot.press(key)
            await shows(pilot, "No API server answers")
            assert isinstance(pilot.app.screen, BackupScreen)


async def test_without_the_platform_the_inventory_is_shown_and_its_block_copied() -> None:
    async with opened(answers(BackupAnswers(canned_seen(Source.INVENTORY)))) as pilot:
        await to_backup(pilot)
        await shows(pilot, "the `backup` block of the inventory")
        await pilot.press("y")
        assert "localStorage" in pilot.app.clipboard
