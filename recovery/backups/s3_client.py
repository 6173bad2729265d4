"""The one door to S3's protocol: only this module imports boto3 and botocore, and only when used.

It makes clients, asks the usual AWS places for keys, and turns their exceptions into words.
Everything in here blocks: call it from a thread.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from recovery.backups.configuration import S3Storage
from recovery.backups.s3_errors import S3RequestError
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_protocol import S3Client
from recovery.errors import ConfigurationError

DEFAULT_REGION = "us-east-1"
"""What S3 servers other than Amazon's take when no region is set up."""

_CONNECT_SECONDS = 5
_READ_SECONDS = 15
_ATTEMPTS = 2

# Keys and place are known: an endpoint, a bucket style or a profile that is gone, left in
# somebody's AWS configuration, must not get between. As botocore's `session_vars` want it:
# name in the file, variable of the environment, default, conversion.
_UNCONFIGURED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def endpoint_url(endpoint: str) -> str | None:
    """The endpoint as a URL (https unless it says otherwise); None where Amazon's own is meant."""
    endpoint = endpoint.strip().rstrip("/")
    if not endpoint:
        return None
    return endpoint if "://" in endpoint else f"https://{endpoint}"


def is_amazon(endpoint: str) -> bool:
    """Whether the endpoint is Amazon's own, where a machine's role can open buckets."""
    host = urlsplit(endpoint_url(endpoint) or "").hostname or ""
    return not endpoint.strip() or host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def make_client(storage: S3Storage, keys: S3Keys, patience: float | None = None) -> S3Client:
    """A client for that bucket's server. Connects to nothing yet.

    `patience`: seconds that the server may be silent, where it is not the usual time.
    Raises ConfigurationError for an endpoint that is no URL.
    """
    import boto3
    import botocore.session
    import urllib3
    from botocore.config import Config

    if storage.skip_tls_verify:
        # The person asked for it; a warning a request would only spoil the screen.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    # At DEBUG these write signed requests, and with them access keys, to the log.
    for name in ("boto3", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.INFO)
    config = Config(
        signature_version="s3v4",
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS if patience is None else patience,
        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
        # Few S3 servers but Amazon's have `bucket.host` in their DNS and certificate.
        s3={"addressing_style": "auto" if is_amazon(storage.endpoint) else "path"},
        # From 1.36 on botocore sends and wants checksums that older S3 servers refuse.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = boto3.session.Session(
        botocore_session=botocore.session.Session(_UNCONFIGURED),
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.session_token or None,
        region_name=storage.region or DEFAULT_REGION,
    )
    try:
        client: S3Client = session.client(
            "s3",
            endpoint_url=endpoint_url(storage.endpoint),
            config=config,
            # None leaves AWS_CA_BUNDLE and the system's authorities in charge.
            verify=False if storage.skip_tls_verify else None,
        )
    except ValueError as error:
        raise ConfigurationError(
            f"{storage.endpoint!r} is no S3 endpoint",
            where="backup.remoteStorage.s3.endpoint",
            remedy="give a URL, for example https://s3.example.com",
            detail=str(error),
        ) from error
    return client


def trusted_authorities() -> str:
    """The file of certificate authorities that requests trust."""
    from botocore.httpsession import get_cert_path

    return os.environ.get("AWS_CA_BUNDLE") or str(get_cert_path(True))


@contextmanager
def plain_failures() -> Iterator[None]:
    """Turn what boto3, botocore and urllib3 raise inside into an S3RequestError."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectTimeoutError,
        EndpointConnectionError,
        ReadTimeoutError,
        SSLError,
    )
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        metadata = error.response.get("ResponseMetadata", {})
        raise S3RequestError(
            str(details.get("Code", "")),
            str(details.get("Message", "")),
            status=int(metadata.get("HTTPStatusCode", 0)),
        ) from None
    except SSLError as error:
        raise S3RequestError(S3RequestError.TLS, str(error)) from None
    except (ConnectTimeoutError, ReadTimeoutError) as error:
        raise S3RequestError(S3RequestError.SILENT, str(error)) from None
    except EndpointConnectionError as error:
        raise S3RequestError(
            S3RequestError.NO_CONNECTION, f"{error}: {error.kwargs.get('error')}"
        ) from None
    except (BotoCoreError, HTTPError) as error:
        raise S3RequestError(S3RequestError.OTHER, str(error)) from None


def chain_credentials(
    profile: str | None, file: Path | None, *, ask_machine_role: bool
) -> S3Keys | None:
    """Keys from the usual AWS places: environment, profiles, processes, roles; None without any.

    A named profile or file must have them: ConfigurationError otherwise. `ask_machine_role` says
    whether the machine's own role is asked for, over a link-local address that a private network
    may swallow; botocore then waits a second for an answer.
    """
    import botocore.session
    from botocore.exceptions import BotoCoreError

    session = botocore.session.Session(profile=profile)
    if file is not None:
        session.set_config_variable("credentials_file", str(file))
    named = _named_source(profile, file)
    try:
        provider = session.get_component("credential_provider")
        if named:
            # What the inventory names is meant: nothing that happens to lie about may stand in.
            for other in ("env", "ec2-credentials-file", "boto-config"):
                provider.remove(other)
        if named or not ask_machine_role:
            for role in ("iam-role", "container-role"):
                provider.remove(role)
        found = session.get_credentials()
        frozen = found.get_frozen_credentials() if found is not None else None
    except BotoCoreError as error:
        raise ConfigurationError(
            f"no S3 keys can be read from {named or 'the AWS configuration'}",
            where="s3Credentials",
            remedy="correct s3Credentials in the inventory, or the AWS configuration",
            detail=str(error),
        ) from error
    if frozen is None or not frozen.access_key or not frozen.secret_key:
        if named:
            raise ConfigurationError(
                f"{named} holds no S3 keys",
                where="s3Credentials",
                remedy="put aws_access_key_id and aws_secret_access_key there,"
                " or take s3Credentials out of the inventory",
            )
        return None
    return S3Keys(
        access_key=frozen.access_key,
        secret_key=frozen.secret_key,
        session_token=frozen.token or "",
        origin=named or _chain_origin(str(found.method)),
    )


def _named_source(profile: str | None, file: Path | None) -> str:
    if profile is not None:
        return f"profile {profile}" + (f" of {file}" if file is not None else "")
    return str(file) if file is not None else ""


def _chain_origin(method: str) -> str:
    if method == "env":
        return "the environment (AWS_ACCESS_KEY_ID)"
    if method == "iam-role":
        return "this machine's role"
    return f"the AWS configuration ({method})"
