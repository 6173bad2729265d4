"""S3 keys: where they come from, in which order, and how they are kept off screens and disks."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from recovery.backups.s3_keys import S3Keys
from recovery.errors import ConfigurationError, RescueError, StoreError

SECRET_NAMESPACE = "cpaas-system"
"""Where the platform keeps the secret that `secretRef` names."""

_CHAIN_SECONDS = 20.0


ReadSecret = Callable[[], Awaitable[str | bytes]]
"""Gives the cluster's secret as the API server does (JSON); raises a RescueError if it cannot."""

AskForKeys = Callable[[str], "S3Keys | None"]
"""Asks a person for the keys of the place it is given; None if they decline.

Called in a thread, so that it may block; must store nothing."""


async def find_credentials(
    *,
    profile: str | None = None,
    file: Path | None = None,
    endpoint: str = "",
    read_secret: ReadSecret | None = None,
    ask: AskForKeys | None = None,
) -> S3Keys:
    """Keys from the first place that has them.

    In this order: the profile or file that the inventory names (and then nowhere else), the usual
    AWS places, the cluster's secret, a person. Raises ConfigurationError where the inventory
    names a place that has none, and StoreError where no place has any.
    """
    tried = []
    try:
        found = await _from_chain(profile, file, endpoint)
        if found is not None:
            return found
        tried.append("the AWS configuration and environment have none")
    except RescueError as error:
        if profile is not None or file is not None:
            raise
        tried.append(error.detail or error.what)
    if read_secret is not None:
        try:
            return credentials_from_secret(await read_secret())
        except RescueError as error:
            tried.append(f"the cluster's secret: {error.what}")
    if ask is not None:
        answer = await asyncio.to_thread(ask, endpoint or "S3")
        if answer is not None and answer.access_key and answer.secret_key:
            return answer
        tried.append("none were typed in")
    raise StoreError(
        "there are no keys for S3",
        where=endpoint or "S3",
        remedy="name a profile under s3Credentials in the inventory,"
        " or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        detail="\n".join(tried),
    )


def credentials_from_secret(secret: str | bytes) -> S3Keys:
    """The keys ACCESS_KEY and SECRET_KEY of a Kubernetes secret, as the API server gives it.

    Raises ConfigurationError, never with anything of the secret's contents.
    """
    try:
        document = json.loads(secret)
    except ValueError:
        # No `from`: a JSON error carries the document, which is the secret.
        raise _bad_secret("what the API server gave is no JSON") from None
    if not isinstance(document, Mapping):
        raise _bad_secret("what the API server gave is no secret")
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    values = [_secret_value(document, key) for key in ("ACCESS_KEY", "SECRET_KEY")]
    for key, value in zip(("ACCESS_KEY", "SECRET_KEY"), values, strict=True):
        if not value:
            raise _bad_secret(f"the secret has no {key}")
    return S3Keys(
        values[0], values[1], origin=f"secret {name}" if isinstance(name, str) else "the secret"
    )


def _secret_value(document: Mapping[str, object], key: str) -> str:
    data = document.get("data")
    value = data.get(key) if isinstance(data, Mapping) else None
    if isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True).decode("utf-8").strip()
        except (binascii.Error, UnicodeDecodeError):
            raise _bad_secret(f"{key} is not base64 of text") from None
    plain = document.get("stringData")
    value = plain.get(key) if isinstance(plain, Mapping) else None
    return value.strip() if isinstance(value, str) else ""


def _bad_secret(what: str) -> ConfigurationError:
    return ConfigurationError(
        what,
        where=f"namespace {SECRET_NAMESPACE}",
        remedy="check secretRef in the backup configuration: the secret needs"
        " the keys ACCESS_KEY and SECRET_KEY",
    )


async def _from_chain(profile: str | None, file: Path | None, endpoint: str) -> S3Keys | None:
    from recovery.backups.s3_client import chain_credentials, is_amazon

    try:
        async with asyncio.timeout(_CHAIN_SECONDS):
            return await asyncio.to_thread(
                chain_credentials,
                profile,
                file,
                # A machine's role opens Amazon's buckets only; elsewhere asking costs time.
                ask_machine_role=is_amazon(endpoint),
            )
    except TimeoutError as error:
        raise StoreError(
            f"the AWS configuration gave no keys within {_CHAIN_SECONDS:g} s",
            where="s3Credentials",
            remedy="name a profile with plain keys, or set AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY",
        ) from error
