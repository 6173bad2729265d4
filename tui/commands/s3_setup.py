"""What setting S3 up asks and tells on the command line: keys without echo, the trial's steps."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from recovery.backups.s3_keys import S3Keys
from recovery.errors import RefusedError, UsageError
from recovery.health.model import Check
from recovery.incident import Incident
from tui.commands.opening import ask_for_s3_keys

if TYPE_CHECKING:
    from recovery.backups.s3_trial import S3Trial
    from recovery.backups.spec_change import SpecChange

ACCESS_VARIABLE = "ETCD_RESCUE_S3_ACCESS_KEY"
SECRET_VARIABLE = "ETCD_RESCUE_S3_SECRET_KEY"


def read_s3_keys(place: str) -> S3Keys:
    """From the environment, from a stdin that is no terminal, or asked for without echo.

    Raises UsageError where no place has both.
    """
    access, secret = os.environ.get(ACCESS_VARIABLE, ""), os.environ.get(SECRET_VARIABLE, "")
    if access and secret:
        return S3Keys(access, secret, origin="the environment")
    if not sys.stdin.isatty():
        access, secret = (sys.stdin.readline().strip() for _ in range(2))
        if access and secret:
            return S3Keys(access, secret, origin="standard input")
    else:
        typed = ask_for_s3_keys(place)
        if typed is not None and typed.secret_key:
            return typed
    raise UsageError(
        "there are no S3 keys to store",
        remedy=f"give two lines on standard input, or set {ACCESS_VARIABLE} and {SECRET_VARIABLE}",
    )


async def tried(incident: Incident, change: SpecChange, keys: S3Keys | None) -> SpecChange:
    """The change, its bucket tried with the very keys; with skipTLSVerify where a person at the
    terminal takes a self-signed certificate for the right one.

    Raises RefusedError where backups cannot be kept there.
    """
    storage = change.s3
    assert storage is not None
    known = await incident.backups.keys_for(storage, keys)
    trial = await incident.backups.try_s3(storage, known, tell_check)
    if trial.passed:
        return change
    if trial.may_skip_verification and not storage.skip_tls_verify:
        return await _with_its_certificate(incident, change, known, trial)
    raise _refused(change)


def tell_check(check: Check) -> None:
    """A step of the trial, on stderr, as it ends."""
    sys.stderr.write(f"  {check.status.value:<8}{check.name:<10}{check.message}\n")
    for line in filter(None, (check.meaning, check.remedy and f"→ {check.remedy}")):
        sys.stderr.write(f"          {line}\n")
    sys.stderr.flush()


async def _with_its_certificate(
    incident: Incident, change: SpecChange, keys: S3Keys, trial: S3Trial
) -> SpecChange:
    from recovery.backups.spec_change import SpecWishes, wished

    assert trial.certificate is not None
    fingerprint = trial.certificate.fingerprint
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RefusedError(
            f"the certificate is self-signed, SHA-256 {fingerprint}",
            where=change.s3.endpoint if change.s3 else "S3",
            remedy="compare it with what the server's administrator says, then add"
            " --s3-skip-tls-verify yes. Nothing was changed",
        )
    sys.stderr.write(
        "Does the server's administrator give the same fingerprint? With yes, skipTLSVerify is set,"
        " and nobody checks it any more. [y/N] "
    )
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise _refused(change)
    accepted = wished(change.after, SpecWishes(skip_tls_verify=True))
    return await tried(incident, type(change)(change.before, accepted.after), keys)


def _refused(change: SpecChange) -> RefusedError:
    return RefusedError(
        "backups cannot be kept there; nothing was changed",
        where=change.s3.endpoint if change.s3 else "S3",
        remedy="see the step that failed",
    )
