"""What is special about S3: servers that refuse, vanish, lie elsewhere, or break off."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from recovery.backups import s3_client
from recovery.backups.configuration import S3Storage
from recovery.backups.s3_errors import S3RequestError, in_words
from recovery.backups.s3_keys import S3Keys
from recovery.backups.s3_store import S3Store
from recovery.errors import ConfigurationError, StoreError
from tests.backups.places import put_object
from tests.backups.tcp_proxy import wire_to

NAME = "snapshot-etcd-20261122-000000-10.0.0.11.tar"
CONTENT = hashlib.sha256(b"seed").digest() * 200_000


async def failure(store: S3Store) -> StoreError:
    with pytest.raises(StoreError) as caught:
        await store.list()
    assert caught.value.remedy
    return caught.value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_ten_thousand_objects_elsewhere_are_not_read(
    storage: S3Storage, keys: S3Keys
) -> None:
    store = S3Store(storage, keys)
    for number in range(10_000):
        put_object(store, f"prod-b/{number}.db", b"")
    for number in range(1_100):
        put_object(store, f"prod-a/{number}.db", b"")
    put_object(store, "prod-a-old/x.db", b"")
    assert len(await store.list()) == 1_100


class _ListsMilliseconds(BaseHTTPRequestHandler):
    """As MinIO does: a listing tells them, an answer about one object cannot."""

    def do_GET(self) -> None:
        """ListObjectsV2."""
        entry = (
            f"<Contents><Key>prod-a/{NAME}</Key><Size>1</Size><ETag>&quot;e&quot;</ETag>"
            "<LastModified>2026-11-22T00:00:05.789Z</LastModified></Contents>"
        )
        found = entry if "prefix=prod-a" in self.path else ""
        content = f"<ListBucketResult><Name>etcd</Name>{found}</ListBucketResult>".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_HEAD(self) -> None:
        """HeadObject."""
        self.send_response(200)
        self.send_header("Content-Length", "1")
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Sun, 22 Nov 2026 00:00:05 GMT")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


async def test_milliseconds_that_only_a_listing_tells_make_no_other_copy(
    storage: S3Storage, keys: S3Keys
) -> None:
    """What was learnt of an object right after it was sent has to hold once it is listed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _ListsMilliseconds)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        store = S3Store(replace(storage, endpoint=endpoint, dir="prod-a"), keys)
        (listed,) = await store.list()
        assert await store.look_up(listed) == listed
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@pytest.mark.parametrize("directory", ["prod-a", "prod-a/", "/prod-a/"])
async def test_slashes_around_the_directory_do_not_matter(
    storage: S3Storage, keys: S3Keys, directory: str
) -> None:
    store = S3Store(replace(storage, dir=directory), keys)
    put_object(store, f"prod-a/{NAME}", b"1")
    assert [copy.location for copy in await store.list()] == [
        f"s3://{storage.bucket}/prod-a/{NAME}"
    ]
    assert store.label == f"s3://{storage.bucket}/prod-a/"


async def test_without_a_directory_the_buckets_top_is_listed(
    storage: S3Storage, keys: S3Keys
) -> None:
    store = S3Store(replace(storage, dir=""), keys)
    for key in (NAME, "/slash.db", "deeper/x.db"):
        put_object(store, key, b"1")
    assert {copy.path for copy in await store.list()} == {NAME, "/slash.db"}


async def test_a_missing_bucket_is_named(storage: S3Storage, keys: S3Keys) -> None:
    error = await failure(S3Store(replace(storage, bucket="no-such-bucket"), keys))
    assert error.what == "there is no bucket no-such-bucket"


async def test_an_endpoint_that_refuses_is_named(storage: S3Storage, keys: S3Keys) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    error = await failure(S3Store(replace(storage, endpoint=endpoint), keys))
    assert error.what == f"{endpoint} refuses the connection"


async def test_an_endpoint_that_is_silent_does_not_hang(
    storage: S3Storage, keys: S3Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "_READ_SECONDS", 0.2)
    async with wire_to(storage.endpoint) as wire:
        wire.cuts, wire.stalls = [0] * 9, True
        async with asyncio.timeout(20):
            error = await failure(S3Store(replace(storage, endpoint=wire.url), keys))
    assert error.what == f"{wire.url} does not answer"


async def test_a_server_that_speaks_no_s3_is_an_error_in_words(
    storage: S3Storage, keys: S3Keys
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n<html>hi</html")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        endpoint = f"http://127.0.0.1:{port}"
        error = await failure(S3Store(replace(storage, endpoint=endpoint), keys))
    assert error.what == f"{endpoint} does not answer as S3 does"
    assert "endpoint" in error.remedy


async def test_an_endpoint_that_is_no_url_is_named_by_field(
    storage: S3Storage, keys: S3Keys
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await S3Store(replace(storage, endpoint="http://a b"), keys).list()
    assert caught.value.where == "backup.remoteStorage.s3.endpoint"


@pytest.mark.usefixtures("strict_server")
async def test_wrong_keys_are_named_by_their_origin_and_never_shown(
    storage: S3Storage, keys: S3Keys
) -> None:
    error = await failure(S3Store(storage, keys))
    assert error.what == "the keys from the test are not known to the server"
    shown = " ".join((str(error), error.detail, repr(error), repr(keys)))
    assert keys.access_key not in shown
    assert keys.secret_key not in shown


@pytest.mark.parametrize(
    ("code", "status", "message", "words"),
    [
        ("SignatureDoesNotMatch", 403, "", "the secret key is wrong"),
        ("AccessDenied", 403, "", "may not read bucket etcd"),
        ("RequestTimeTooSkewed", 403, "", "clock"),
        ("PermanentRedirect", 301, "", "another region than 'eu-1'"),
        ("AuthorizationHeaderMalformed", 400, "expecting 'eu-2'", "another region than 'eu-1'"),
        ("SlowDown", 503, "", "overloaded"),
        (
            S3RequestError.NO_CONNECTION,
            0,
            "[Errno -2] Name or service not known",
            "the name in https://s3.example.com cannot be resolved",
        ),
        ("Weird", 418, "key SECRET \x1b]52;c;x\x07", "answers with an error: Weird"),
    ],
)
def test_what_the_server_says_becomes_words(
    code: str, status: int, message: str, words: str
) -> None:
    storage = S3Storage("https://s3.example.com", "etcd", region="eu-1")
    error = in_words(
        S3RequestError(code, message, status=status), storage, S3Keys("ACCESS", "SECRET")
    )
    assert words in error.what
    assert error.remedy
    assert error.where == "s3://etcd"
    assert "SECRET" not in error.detail
    assert "\x1b" not in error.detail


async def test_a_download_that_breaks_off_goes_on_where_it_stopped(
    storage: S3Storage, keys: S3Keys, tmp_path: Path
) -> None:
    put_object(S3Store(storage, keys), f"prod-a/{NAME}", CONTENT)
    async with wire_to(storage.endpoint) as wire:
        store = S3Store(replace(storage, endpoint=wire.url), keys)
        (copy,) = await store.list()
        # The connection of the listing serves the first download as well, so cut a fresh store's.
        store = S3Store(replace(storage, endpoint=wire.url), keys)
        wire.cuts = [3_000_000, 1_500_000]
        digest = await store.fetch(copy, tmp_path / "fetched")
        assert wire.connections >= 4
    assert digest == hashlib.sha256(CONTENT).hexdigest()
    assert (tmp_path / "fetched").read_bytes() == CONTENT


async def test_a_download_that_breaks_off_for_good_leaves_nothing(
    storage: S3Storage, keys: S3Keys, tmp_path: Path
) -> None:
    put_object(S3Store(storage, keys), f"prod-a/{NAME}", CONTENT)
    (copy,) = await S3Store(storage, keys).list()
    here = tmp_path / "here"
    here.mkdir()
    async with wire_to(storage.endpoint) as wire:
        wire.cuts = [2_000_000, *([0] * 20)]
        with pytest.raises(StoreError) as caught:
            await S3Store(replace(storage, endpoint=wire.url), keys).fetch(copy, here / "x")
    assert "broke off" in caught.value.what or "refuses" in caught.value.what
    assert list(here.iterdir()) == []


async def test_an_object_that_changed_since_it_was_listed_is_not_fetched(
    storage: S3Storage, keys: S3Keys, tmp_path: Path
) -> None:
    store = S3Store(storage, keys)
    put_object(store, f"prod-a/{NAME}", b"12345")
    (copy,) = await store.list()
    put_object(store, f"prod-a/{NAME}", b"54321")
    with pytest.raises(StoreError) as caught:
        await store.fetch(copy, tmp_path / "fetched")
    assert caught.value.what == "the object changed while it was fetched"


async def test_a_cancelled_download_ends_and_leaves_nothing(
    storage: S3Storage, keys: S3Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "_READ_SECONDS", 0.2)
    put_object(S3Store(storage, keys), f"prod-a/{NAME}", CONTENT)
    (copy,) = await S3Store(storage, keys).list()
    here = tmp_path / "here"
    here.mkdir()
    moved = asyncio.Event()
    async with wire_to(storage.endpoint) as wire:
        wire.cuts, wire.stalls = [3_000_000], True
        store = S3Store(replace(storage, endpoint=wire.url), keys)
        fetching = asyncio.create_task(store.fetch(copy, here / "x", lambda *_: moved.set()))
        await moved.wait()
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        await asyncio.to_thread(_until_empty, here)


def _until_empty(directory: Path) -> None:
    for _ in range(200):
        if not list(directory.iterdir()):
            return
        threading.Event().wait(0.05)
    raise AssertionError(f"still there: {list(directory.iterdir())}")


async def test_a_place_that_cannot_be_written_here_has_a_remedy(
    storage: S3Storage, keys: S3Keys, tmp_path: Path
) -> None:
    store = S3Store(storage, keys)
    put_object(store, f"prod-a/{NAME}", b"12345")
    (copy,) = await store.list()
    with pytest.raises(StoreError) as caught:
        await store.fetch(copy, tmp_path / "no-such-directory" / "x")
    assert "XDG_CACHE_HOME" in caught.value.remedy


async def test_what_lies_about_in_an_aws_configuration_does_not_get_between(
    storage: S3Storage, keys: S3Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(
        Path(os.environ["AWS_CONFIG_FILE"]).write_text,
        "[default]\nregion = nowhere\ns3 =\n  use_accelerate_endpoint = true\n",
    )
    monkeypatch.setenv("AWS_PROFILE", "gone")
    assert await S3Store(storage, keys).list() == ()


async def test_an_unknown_certificate_is_refused_unless_the_configuration_allows_it(
    storage: S3Storage, keys: S3Keys, tls_endpoint: str, recwarn: pytest.WarningsRecorder
) -> None:
    put_object(S3Store(storage, keys), f"prod-a/{NAME}", b"12345")
    behind_tls = replace(storage, endpoint=tls_endpoint)
    error = await failure(S3Store(behind_tls, keys))
    assert error.what == f"the TLS certificate of {tls_endpoint} is not trusted"
    assert "skipTLSVerify" in error.remedy
    allowed = S3Store(replace(behind_tls, skip_tls_verify=True), keys)
    assert len(await allowed.list()) == 1
    assert not recwarn.list


async def test_an_authority_of_ones_own_is_trusted(
    storage: S3Storage,
    keys: S3Keys,
    tls_endpoint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "server.pem"))
    assert await S3Store(replace(storage, endpoint=tls_endpoint), keys).list() == ()


async def test_https_to_a_plain_server_says_so(storage: S3Storage, keys: S3Keys) -> None:
    endpoint = storage.endpoint.replace("http://", "https://")
    error = await failure(S3Store(replace(storage, endpoint=endpoint), keys))
    assert error.what == f"{endpoint} does not speak TLS"
