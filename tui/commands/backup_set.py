"""`backup set`: change the configuration, after it was validated, tried, shown and agreed to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from recovery.backups.platform_records import USUAL_SECRET
from recovery.backups.s3_keys import S3Keys
from recovery.errors import RefusedError, UsageError
from recovery.incident import Incident
from tui.commands.executing import require_consent
from tui.commands.opening import open_incident
from tui.commands.s3_setup import read_s3_keys, tell_check, tried

if TYPE_CHECKING:
    from recovery.backups.seen_configuration import SeenConfiguration
    from recovery.backups.spec_change import SpecChange

_EPILOGUE = """\
S3 keys come from standard input (two lines: access key, secret key) where it is no terminal, else
from ETCD_RESCUE_S3_ACCESS_KEY and ETCD_RESCUE_S3_SECRET_KEY, else they are asked for without echo.
They are put into the cluster's secret and kept nowhere else; never give them as arguments.

examples:
  etcd-rescue backup set --test
  etcd-rescue backup set --schedule "0 */6 * * *" --confirm prod-a
  etcd-rescue backup set --s3-endpoint https://s3.example.com --s3-bucket etcd \\
      --s3-dir prod-a --s3-keys --back-up --confirm prod-a < keys

Exit status: 0 as wanted, 1 the bucket or a backup failed, 2 wrong use, 3 refused, 4 interrupted."""

_FLAGS = {"yes": True, "no": False, "true": True, "false": False}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "set",
        help="change the configuration, or try its bucket",
        description="Change the EtcdBackupConfiguration. The change is validated, S3 is tried "
        "with the very keys, the difference is shown, and only then, with the cluster's name as "
        "consent (or a yes at the terminal), it is written: all of it or nothing.",
        epilog=_EPILOGUE,
    )
    parser.add_argument("--schedule", metavar="CRON", help='for example "0 0 * * *"; UTC')
    parser.add_argument("--paused", choices=tuple(_FLAGS))
    parser.add_argument("--path", metavar="DIR", help="the directory on every control-plane node")
    parser.add_argument("--ttl", metavar="SECONDS", help="how long files stay; 7776000 is 90 days")
    parser.add_argument("--s3-endpoint", metavar="URL")
    parser.add_argument("--s3-region", metavar="REGION")
    parser.add_argument("--s3-bucket", metavar="NAME")
    parser.add_argument("--s3-dir", metavar="DIR", help="the directory in the bucket")
    parser.add_argument("--s3-secret", metavar="NAME", help="the secret in cpaas-system")
    parser.add_argument(
        "--s3-skip-tls-verify",
        choices=tuple(_FLAGS),
        help="only for a self-signed certificate whose fingerprint you have compared",
    )
    parser.add_argument("--s3-keys", action="store_true", help="store new keys in the secret")
    parser.add_argument("--no-s3", action="store_true", help="no copies in a bucket any more")
    parser.add_argument(
        "--from", dest="from_file", metavar="FILE", help="the whole spec as YAML instead"
    )
    parser.add_argument("--test", action="store_true", help="try S3, change nothing")
    parser.add_argument("--back-up", action="store_true", help="take a backup afterwards")
    parser.add_argument("--confirm", metavar="CLUSTER", help="the cluster's name, as consent")
    parser.set_defaults(run=run)
    return parser


async def run(arguments: argparse.Namespace) -> int:
    """Validate, try, show, ask, write; 0 where what was wanted holds now."""
    async with open_incident(arguments) as incident:
        seen = await incident.backups.configuration()
        change = _change(arguments, seen.raw)
        _require_valid(change)
        if arguments.test:
            return await _only_try(incident, change)
        if change.is_none and not arguments.s3_keys and not arguments.back_up:
            if not _wishes_something(arguments):
                raise UsageError(
                    "nothing was named to be changed",
                    remedy="etcd-rescue backup set --help names what can be",
                )
            sys.stderr.write("etcd-rescue: nothing is to be changed: it is so already\n")
            return 0
        _require_platform(incident, seen, change)
        keys = read_s3_keys(change.s3.endpoint if change.s3 else "") if arguments.s3_keys else None
        if change.s3 is not None and (change.s3_changes or keys is not None):
            change = await tried(incident, change, keys)
        if not change.is_none or keys is not None:
            _show(change, keys)
            _require_yes(incident, arguments.confirm)
            await incident.backups.apply(seen, change, keys)
            sys.stderr.write("etcd-rescue: the configuration is changed\n")
        return await _back_up(incident) if arguments.back_up else 0


def _wishes_something(arguments: argparse.Namespace) -> bool:
    wishes = ("schedule", "paused", "path", "ttl", "from_file", "s3_skip_tls_verify")
    named = [*wishes, *(f"s3_{what}" for what in ("endpoint", "region", "bucket", "dir", "secret"))]
    return arguments.no_s3 or any(getattr(arguments, name) is not None for name in named)


def _change(arguments: argparse.Namespace, before: Mapping[str, object]) -> SpecChange:
    from recovery.backups.spec_change import SpecWishes, edited, wished

    if arguments.from_file is not None:
        return edited(before, _text_of(arguments.from_file))
    secret = arguments.s3_secret
    if secret is None and arguments.s3_bucket is not None and not _has_secret(before):
        secret = USUAL_SECRET
    return wished(
        before,
        SpecWishes(
            schedule=arguments.schedule,
            paused=_FLAGS.get(arguments.paused),
            path=arguments.path,
            ttl=arguments.ttl,
            endpoint=arguments.s3_endpoint,
            region=arguments.s3_region,
            bucket=arguments.s3_bucket,
            dir=arguments.s3_dir,
            skip_tls_verify=_FLAGS.get(arguments.s3_skip_tls_verify),
            secret_ref=secret,
            without_s3=arguments.no_s3,
        ),
    )


def _has_secret(before: Mapping[str, object]) -> bool:
    remote = before.get("remoteStorage")
    s3 = remote.get("s3") if isinstance(remote, Mapping) else None
    return isinstance(s3, Mapping) and bool(s3.get("secretRef"))


def _text_of(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the file cannot be read: {error}", where=name, remedy="name a YAML file of the spec"
        ) from error


def _require_valid(change: SpecChange) -> None:
    if not change.problems:
        return
    first = change.problems[0]
    rest = [str(problem) for problem in change.problems[1:]]
    raise UsageError(
        first.what,
        where=first.where,
        remedy=f"{first.remedy}. Nothing was changed",
        detail="\n".join(rest),
    )


def _require_platform(incident: Incident, seen: SeenConfiguration, change: SpecChange) -> None:
    """Without the platform's resource: say what to paste where."""
    from recovery.backups.seen_configuration import Source
    from recovery.backups.spec_change import spec_yaml

    if seen.source in (Source.INVENTORY, Source.NONE):
        sys.stderr.write(
            "etcd-rescue: nothing was changed: these backups follow the inventory, which is edited"
            " by hand. Put this into it, in place of its `backup` block:\n"
        )
        print("    backup:\n" + indent(spec_yaml(change.after).rstrip(), " " * 6))
    incident.backups.require_platform(seen)


def _show(change: SpecChange, keys: S3Keys | None) -> None:
    if not change.is_none:
        print(change.diff)
    if keys is not None and change.s3 is not None:
        secret = change.s3.secret_ref
        print(f"and the keys from {keys.origin} go into secret {secret}, in place of any there")


def _require_yes(incident: Incident, confirm: str | None) -> None:
    """The cluster's name as an argument, or a yes at the terminal; anything else is a no."""
    if confirm is None and sys.stdin.isatty() and sys.stderr.isatty():
        sys.stderr.write(f"Change the backups of {incident.cluster.name}? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
        raise RefusedError("nothing was changed", where=incident.cluster.name)
    require_consent(incident, confirm, "backup set …")


async def _only_try(incident: Incident, change: SpecChange) -> int:
    if change.s3 is None:
        raise UsageError("no bucket is configured", remedy="name one: --s3-endpoint, --s3-bucket")
    keys = await incident.backups.keys_for(change.s3)
    trial = await incident.backups.try_s3(change.s3, keys, tell_check)
    return 0 if trial.passed else 1


async def _back_up(incident: Incident) -> int:
    seen = incident.backups.seen
    assert seen is not None
    backup = await incident.backups.back_up_by_platform(
        seen, lambda words: print(f"etcd-rescue: {words} …", file=sys.stderr)
    )
    for word, text in backup.in_words():
        print(f"{word:<8} {text}")
    return 0 if backup.succeeded else 1
