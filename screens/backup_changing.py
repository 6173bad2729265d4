"""What the backup screen does, asking step by step: writing a change, setting S3 up, backing up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from recovery.backups.configuration import S3Storage
from recovery.backups.platform import ConflictError
from recovery.backups.platform_records import USUAL_SECRET
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_trial import S3Trial
from recovery.backups.seen_configuration import SeenConfiguration, Source
from recovery.backups.spec_change import SpecChange, SpecWishes, wished
from recovery.health.model import Check
from screens.backup_fields import BY_KEY, S3_FIELDS
from screens.dialogs.change import ChangeDialog
from screens.dialogs.field import Asked, FieldsDialog
from screens.dialogs.live_checks import TrialDialog
from screens.dialogs.question import QuestionDialog
from screens.dialogs.taking_backup import Taken, TakingBackupDialog

if TYPE_CHECKING:
    from screens.backup import BackupScreen


async def write_change(
    screen: BackupScreen,
    seen: SeenConfiguration,
    change: SpecChange,
) -> bool:
    """Try a bucket that is new, show the difference, ask, write; whether it was written."""
    if change.s3_changes and change.s3 is not None:
        trial = await _tried(screen, change.s3, None)
        if trial is None or not trial.passed:
            return False
    return await _ask_and_write(screen, seen, change, None)


async def _ask_and_write(
    screen: BackupScreen, seen: SeenConfiguration, change: SpecChange, keys: S3Keys | None
) -> bool:
    also = []
    if keys is not None and change.s3 is not None:
        also = [f"the S3 keys into secret {change.s3.secret_ref}, in place of any there"]
    diff = "" if change.is_none else change.diff
    dialog = ChangeDialog(screen.case.cluster_name, seen.name, diff, also)
    if not await screen.app.push_screen_wait(dialog):
        screen.say("Nothing was written.")
        return False
    try:
        written = await screen.case.incident.backups.apply(seen, change, keys)
    except ConflictError:
        # What was changed here stays in the form, on top of what stands there now.
        screen.take(await screen.case.incident.backups.configuration())
        raise
    screen.take_written(written)
    return True


async def set_up_s3(screen: BackupScreen, seen: SeenConfiguration) -> None:
    """Where, the keys, a trial with those, the difference, a backup to see it arrive."""
    values = {field.key: field.value(screen.form.after) for field in S3_FIELDS}
    values["secretRef"] = values["secretRef"] or USUAL_SECRET
    while True:
        answers = await _ask_where(screen, values)
        if answers is None:
            return
        values = answers
        change = _with(screen, values)
        keys = await _ask_keys(screen, values["secretRef"])
        if keys is None:
            continue
        typed = keys if keys.secret_key else None
        assert change.s3 is not None
        trial = await _tried(screen, change.s3, typed)
        if trial is not None and trial.may_skip_verification and not change.s3.skip_tls_verify:
            accepted = await _accepted(screen, trial)
            if accepted:
                change = _and_skip(change)
                assert change.s3 is not None
                trial = await _tried(screen, change.s3, typed)
        if trial is not None and trial.passed:
            break
    if typed is None and change.is_none:
        screen.say("The bucket works, and nothing has to be written.")
        return
    if await _ask_and_write(screen, seen, change, typed):
        await _offer_backup(screen)


async def try_s3(screen: BackupScreen, change: SpecChange) -> None:
    """The bucket as it stands in the form, with the keys that backups use."""
    if change.s3 is not None:
        await _tried(screen, change.s3, None)


async def back_up(screen: BackupScreen, seen: SeenConfiguration) -> None:
    """Ask, have it taken by the platform or without it, show what came of it."""
    by_platform = seen.source is Source.CLUSTER
    who = "The platform takes" if by_platform else "etcd-rescue takes, from a member,"
    sure = await screen.app.push_screen_wait(
        QuestionDialog(
            "Back up now",
            f"{who} a backup of {screen.case.cluster_name} now: a file on every"
            " control-plane node, and an object in the bucket where one is configured.",
            yes="back up",
        )
    )
    if not sure:
        return

    async def taking(stage: Callable[[str], None]) -> Taken:
        return await (_by_platform(screen, seen, stage) if by_platform else _own(screen, stage))

    await screen.app.push_screen_wait(TakingBackupDialog(taking))
    screen.action_again()


async def _by_platform(
    screen: BackupScreen, seen: SeenConfiguration, stage: Callable[[str], None]
) -> Taken:
    done = await screen.case.incident.backups.back_up_by_platform(seen, stage)
    where = " and in the bucket" if done.object is not None else ""
    words = f"It is recorded{where}." if done.succeeded else "It is not where it should be."
    return Taken(done.succeeded, words, done.in_words())


async def _own(screen: BackupScreen, stage: Callable[[str], None]) -> Taken:
    """Nothing is deleted here, whatever its age: that is for `backup now` and `backup run`."""
    stage("streaming a snapshot from a member, verifying and writing it")
    result = (await screen.case.incident.own_backups.take(stage)).result
    pairs = [("verified", f"{result.name}, revision {result.revision}, from {result.member}")]
    pairs += [("written", copy.location) for copy in result.copies]
    pairs += [("not written", f"{one.location}: {one.message}") for one in result.failures]
    words = "Every place has it." if result.everywhere else "Not every place has it."
    return Taken(result.everywhere, words, tuple(pairs))


async def _ask_where(screen: BackupScreen, values: dict[str, str]) -> dict[str, str] | None:
    asked = [Asked(f.key, f.label, values[f.key], f.hint) for f in S3_FIELDS]

    def wrong(answers: dict[str, str]) -> list[str]:
        problems = _with(screen, answers).problems
        return [
            f"{BY_KEY[_last(one.where)].label}: {one.what}."
            for one in problems
            if _known(one.where)
        ]

    words = "Backups go on being written on the nodes; S3 gets an additional copy of each."
    return await screen.app.push_screen_wait(
        FieldsDialog("S3, 1 of 4: where", asked, wrong, words=words, take="keys")
    )


async def _ask_keys(screen: BackupScreen, secret: str) -> S3Keys | None:
    def wrong(answers: dict[str, str]) -> list[str]:
        given = [bool(answers["access"]), bool(answers["secret"])]
        return ["Both keys are needed, or neither."] if any(given) and not all(given) else []

    answers = await screen.app.push_screen_wait(
        FieldsDialog(
            "S3, 2 of 4: keys",
            [
                Asked("access", "access key", hint="empty: those that are in the secret"),
                Asked("secret", "secret key", hint="not shown, not kept here", secret=True),
            ],
            wrong,
            words=f"They are tried first, then put into secret {secret} in cpaas-system, and kept"
            " nowhere else. Left empty, the keys that are in that secret serve.",
            take="try them",
        )
    )
    return None if answers is None else S3Keys(answers["access"], answers["secret"])


async def _tried(screen: BackupScreen, storage: S3Storage, typed: S3Keys | None) -> S3Trial | None:
    backups = screen.case.incident.backups

    async def trying(heard: Callable[[Check], None]) -> S3Trial:
        keys = await backups.keys_for(storage, typed)
        return await backups.try_s3(storage, keys, heard)

    place = f"s3://{storage.bucket}/{storage.dir.strip('/')}".rstrip("/")
    return await screen.app.push_screen_wait(TrialDialog(place, trying))


async def _accepted(screen: BackupScreen, trial: S3Trial) -> bool:
    seen = trial.certificate
    assert seen is not None
    return await screen.app.push_screen_wait(
        QuestionDialog(
            "The certificate is self-signed",
            f"{seen.subject}, until {seen.valid_until:%Y-%m-%d}. Its SHA-256 is\n\n"
            f"{seen.fingerprint}\n\n"
            "Compare it with what the server's administrator says. With yes, skipTLSVerify is set:"
            " from then on nobody checks the certificate, and whoever stands between can read"
            " the backups.",
            yes="it is the same, skip the check",
        )
    )


async def _offer_backup(screen: BackupScreen) -> None:
    now = screen.case.incident.backups.seen
    if now is not None:
        await back_up(screen, now)


def _with(screen: BackupScreen, values: dict[str, str]) -> SpecChange:
    """The form with these S3 values, from what was read."""
    after = wished(
        screen.form.after,
        SpecWishes(
            endpoint=values["endpoint"],
            region=values["region"],
            bucket=values["bucket"],
            dir=values["dir"],
            secret_ref=values["secretRef"],
        ),
    )
    return SpecChange(screen.form.change.before, after.after, after.problems)


def _and_skip(change: SpecChange) -> SpecChange:
    return SpecChange(change.before, wished(change.after, SpecWishes(skip_tls_verify=True)).after)


def _last(where: str) -> str:
    return where.rpartition(".")[2]


def _known(where: str) -> bool:
    return _last(where) in BY_KEY
