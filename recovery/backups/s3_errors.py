"""What can go wrong with S3, in words that say what to do."""

from __future__ import annotations

import enum
from typing import ClassVar

from recovery.backups.configuration import S3Storage
from recovery.backups.outside_text import one_line
from recovery.backups.s3_keys import S3Keys
from recovery.errors import StoreError


class S3RequestError(Exception):
    """An S3 request that failed: the server's error code, or one of the codes below."""

    TLS: ClassVar = "tls"
    SILENT: ClassVar = "silent"
    NO_CONNECTION: ClassVar = "no-connection"
    BROKEN_OFF: ClassVar = "broken-off"
    OTHER: ClassVar = "other"

    def __init__(self, code: str, message: str, *, status: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status
        """The HTTP status; 0 where there was no answer."""


class S3Act(enum.Enum):
    """What a request was for: the verb in words, and the permissions that it takes."""

    READ = ("read", "s3:ListBucket and s3:GetObject")
    WRITE = ("write to", "s3:PutObject and s3:AbortMultipartUpload")
    DELETE = ("delete from", "s3:DeleteObject")

    def __init__(self, verb: str, permissions: str) -> None:
        self.verb = verb
        self.permissions = permissions


_NO_KEYS = {"InvalidAccessKeyId", "InvalidToken", "ExpiredToken", "TokenRefreshRequired"}
_WRONG_SECRET = {"SignatureDoesNotMatch", "InvalidSignature"}
_FORBIDDEN = {"AccessDenied", "AllAccessDisabled", "Forbidden", "403"}
_SKEWED = {"RequestTimeTooSkewed", "RequestExpired"}
_ELSEWHERE = {
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "301",
    "307",
}
_PATH_STYLE = {
    "SecondLevelDomainForbidden",
    "PathStyleRequestNotAllowed",
    "VirtualHostDomainRequired",
}
_NO_OBJECT = {"NoSuchKey", "404", "NotFound"}
_DAMAGED = {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"}
_NO_ROOM = {"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage", "507"}
_UNRESOLVED = ("Name or service not known", "Temporary failure in name resolution", "getaddrinfo")


def in_words(
    failure: S3RequestError,
    storage: S3Storage,
    keys: S3Keys,
    key: str = "",
    act: S3Act = S3Act.READ,
) -> StoreError:
    """The failure as an error for people. No key is in it, whatever the server sent back.

    `key` names the object that the request was about, where it was about one; `act` says what it
    was for.
    """
    endpoint = storage.endpoint or "Amazon S3"
    bucket = f"bucket {storage.bucket}"
    what, remedy = (
        _connection_words(failure, endpoint)
        or _style_words(failure)
        or _key_words(failure, keys, bucket, act)
        or _place_words(failure, storage, key)
        or _other_words(failure, endpoint)
    )
    where = f"s3://{storage.bucket}/{key}" if key else f"s3://{storage.bucket}"
    said = " ".join(filter(None, (failure.code if failure.status else "", failure.message)))
    return StoreError(
        keys.hide(what), where=one_line(where), remedy=remedy, detail=one_line(keys.hide(said), 600)
    )


def _connection_words(failure: S3RequestError, endpoint: str) -> tuple[str, str] | None:
    message = failure.message
    if failure.code == S3RequestError.TLS:
        if "WRONG_VERSION_NUMBER" in message or "record layer" in message:
            return f"{endpoint} does not speak TLS", "write the endpoint with http://"
        return (
            f"the TLS certificate of {endpoint} is not trusted",
            "put its authority into a file and set AWS_CA_BUNDLE to it, or set skipTLSVerify: true",
        )
    if failure.code == S3RequestError.SILENT:
        return f"{endpoint} does not answer", "check the endpoint, a proxy, and the network to it"
    if failure.code == S3RequestError.NO_CONNECTION:
        if any(words in message for words in _UNRESOLVED):
            return f"the name in {endpoint} cannot be resolved", "check the endpoint and the DNS"
        if "refused" in message:
            return f"{endpoint} refuses the connection", "check the port, and that S3 runs there"
        return f"no connection to {endpoint}", "check the endpoint and the network to it"
    if failure.code == S3RequestError.BROKEN_OFF:
        return failure.message, "check the network to the endpoint, then try again"
    return None


def _style_words(failure: S3RequestError) -> tuple[str, str] | None:
    if failure.code not in _PATH_STYLE:
        return None
    return (
        "the server does not take the bucket's name in the path of the URL (path-style)",
        "ask its administrator for an endpoint that does",
    )


def _key_words(
    failure: S3RequestError, keys: S3Keys, bucket: str, act: S3Act
) -> tuple[str, str] | None:
    ours = f"the keys from {keys.origin}"
    correct = "correct them, or name a profile under s3Credentials in the inventory"
    if failure.code in _NO_KEYS:
        return f"{ours} are not known to the server", correct
    if failure.code in _WRONG_SECRET:
        return f"{ours} do not fit together: the secret key is wrong", correct
    if failure.code in _SKEWED:
        return (
            "this machine's clock differs too much from the server's",
            "set the clock of this machine",
        )
    if failure.code in _FORBIDDEN or failure.status == 403:
        return (
            f"{ours} may not {act.verb} {bucket}",
            f"allow them {act.permissions} there, or use other keys",
        )
    return None


def _place_words(failure: S3RequestError, storage: S3Storage, key: str) -> tuple[str, str] | None:
    if failure.code == "NoSuchBucket":
        return (
            f"there is no bucket {storage.bucket}",
            "check bucket and endpoint in the backup configuration",
        )
    if failure.code in _ELSEWHERE or failure.status in {301, 307}:
        named = f"{storage.region!r}" if storage.region else "the default region"
        return (
            f"bucket {storage.bucket} lies in another region than {named}",
            "set region in the backup configuration to the bucket's own",
        )
    if failure.code in _NO_OBJECT or failure.status == 404:
        if key:
            return "there is no such object", "list the snapshots again"
        return f"there is no bucket {storage.bucket}", "check bucket and endpoint"
    if failure.code == "PreconditionFailed" or failure.status == 412:
        return "the object changed while it was fetched", "list the snapshots again"
    if failure.code in _DAMAGED:
        return (
            "the bytes that arrived there are not those that were sent",
            "try again; if it happens twice, distrust what lies between here and there",
        )
    if failure.code in _NO_ROOM or failure.status == 507:
        return "the server has no room left", "make room there, or raise the bucket's quota"
    if failure.code in {"SlowDown", "ServiceUnavailable", "InternalError"}:
        return "the server is overloaded or out of order", "try again in a minute"
    return None


def _other_words(failure: S3RequestError, endpoint: str) -> tuple[str, str]:
    # botocore makes a 500 of an answer that is no XML, whatever status it had.
    if failure.status and failure.code not in {"", "500"}:
        code = one_line(failure.code, 60)
        return f"{endpoint} answers with an error: {code}", "see the server's own words"
    return (
        f"{endpoint} does not answer as S3 does",
        "check that the endpoint is S3's, not a console",
    )
