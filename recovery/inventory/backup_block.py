"""The `backup` block of an inventory: the spec of an EtcdBackupConfiguration, pasted as it is.

The schema is the platform's and may grow: fields unknown here are ignored, unless they are nearly
known ones; known ones are checked.
"""

from __future__ import annotations

from recovery.backups.configuration import BackupSpec, LocalStorage, S3Storage
from recovery.inventory.fields import Fields


def read_backup(block: Fields) -> BackupSpec:
    """The spec; problems are noted with the fields."""
    if "spec" in block and "schedule" not in block:
        block.problem(
            "holds a whole resource, not its spec",
            "paste only what stands under spec",
            field="spec",
        )
    block.refuse_mistyped(("schedule", "paused", "localStorage", "remoteStorage"))
    defaults = BackupSpec()
    return BackupSpec(
        schedule=block.text("schedule") or defaults.schedule,
        paused=block.boolean("paused") or False,
        local=_local(block.section("localStorage", None)),
        s3=_s3(block.section("remoteStorage", None)),
    )


def _local(block: Fields | None) -> LocalStorage | None:
    if block is None:
        return None
    block.refuse_mistyped(("path", "ttl"))
    path = block.text("path", lambda text: None if text.startswith("/") else "must begin with /")
    return LocalStorage(
        path=path or LocalStorage().path, ttl_seconds=block.whole_number_text("ttl")
    )


def _s3(remote: Fields | None) -> S3Storage | None:
    block = remote.section("s3", None) if remote is not None else None
    if block is None:
        return None
    block.refuse_mistyped(
        ("endpoint", "bucket", "region", "dir", "skipTLSVerify", "secretRef"),
    )
    if "bucket" not in block:
        block.problem("the bucket is missing")
    return S3Storage(
        endpoint=block.text("endpoint", may_be_empty=True) or "",
        bucket=block.text("bucket") or "",
        region=block.text("region", may_be_empty=True) or "",
        dir=block.text("dir", may_be_empty=True) or "",
        skip_tls_verify=block.boolean("skipTLSVerify") or False,
        secret_ref=block.text("secretRef", may_be_empty=True) or "",
    )
