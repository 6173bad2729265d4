"""Taking the wrappings off a stored snapshot, whatever its name says."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from recovery.errors import SnapshotError
from recovery.snapshots.unpack import Unpacked, unpack
from tests.snapshots.conftest import History


def tarred(*files: tuple[str, bytes], **kinds: bytes) -> bytes:
    """A tar of these files; `kinds` are entries without content, by tar type."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, kind in kinds.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            tar.addfile(entry)
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def zstd(content: bytes) -> bytes:
    """Compressed in two frames."""
    half = len(content) // 2
    return zstandard.compress(content[:half]) + zstandard.compress(content[half:])


WRAPPINGS: list[tuple[tuple[str, ...], Callable[[bytes], bytes]]] = [
    ((), bytes),
    (("tar",), lambda data: tarred(("snapshot.db", data))),
    (("tar",), lambda data: tarred(("../../etc/cron.d/x", data), ("/notes", b"text"))),
    (("tar",), lambda data: tarred(("b.tar", tarred(("c", b"d"))), ("s", data), a=tarfile.SYMTYPE)),
    (("tar",), lambda data: tarred(("a.gz", gzip.compress(b"log")[:-9]), ("snapshot.db", data))),
    (("gzip",), gzip.compress),
    (("gzip",), lambda data: gzip.compress(data[:9999]) + gzip.compress(data[9999:])),
    (("zstd",), zstd),
    (("gzip", "tar"), lambda data: gzip.compress(tarred(("snapshot.db", data)))),
    (("zstd", "tar"), lambda data: zstd(tarred(("snapshot.db", data)))),
    (("tar", "gzip"), lambda data: tarred(("snapshot.db.gz", gzip.compress(data)))),
]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the database shall lie, alone in its directory."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "snapshot.db"


async def refusal(content: bytes, target: Path) -> str:
    """The words with which these bytes are refused; nothing may be left behind."""
    stored = target.parent.parent / "stored"
    stored.write_bytes(content)
    with pytest.raises(SnapshotError) as caught:
        await unpack(stored, target)
    assert list(target.parent.iterdir()) == []
    assert caught.value.where == str(stored)
    return caught.value.what


def assert_alone_and_private(target: Path, content: bytes) -> None:
    """The file has this content, nobody else may read it, and nothing lies beside it."""
    assert target.read_bytes() == content
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(("names", "wrap"), WRAPPINGS)
async def test_the_database_comes_out_of_every_wrapping(
    history: History,
    tmp_path: Path,
    target: Path,
    names: tuple[str, ...],
    wrap: Callable[[bytes], bytes],
) -> None:
    whole = history.lived.read_bytes()
    stored = tmp_path / "snapshot-etcd.tar"
    stored.write_bytes(wrap(whole))
    told: list[tuple[int, int]] = []
    unpacked = await unpack(stored, target, lambda done, total: told.append((done, total)))
    assert unpacked == Unpacked(names, hashlib.sha256(whole).hexdigest())
    assert_alone_and_private(target, whole)
    assert told == sorted(told)
    assert all(done <= total == stored.stat().st_size for done, total in told)


async def test_a_truncated_tar_says_how_much_is_there(history: History, target: Path) -> None:
    whole = history.lived.read_bytes()
    what = await refusal(tarred(("snapshot.db", whole))[: 512 + 1_000_000], target)
    assert what == (
        f"it is cut short: 'snapshot.db' in the tar ends at byte 1000000 of {len(whole)}"
    )


@pytest.mark.parametrize("wrap", [gzip.compress, zstandard.compress])
async def test_a_truncated_compressed_file_is_cut_short(
    history: History, target: Path, wrap: Callable[[bytes], bytes]
) -> None:
    noise = random.Random(5).randbytes(300_000)
    packed = wrap(history.small.read_bytes() + noise)
    for size in (len(packed) // 2, len(packed) - 1):
        assert "cut short" in await refusal(packed[:size], target)


async def test_a_damaged_compressed_file_is_corrupt(history: History, target: Path) -> None:
    packed = bytearray(gzip.compress(history.small.read_bytes()))
    packed[-6] ^= 0xFF
    assert "its gzip stream is damaged" in await refusal(bytes(packed), target)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (bytes(5000), "nothing but zeros"),
        (b"<!DOCTYPE html><html>Service unavailable", "an HTML page"),
        (b"BZh91AY&SY", "compressed with bzip2"),
        (b"no backup today\n", "a text file"),
        (gzip.compress(b"<Error>denied", mtime=0), "inside gzip it is an XML document"),
        (tarred(("a\x1b]52;c;x\x07.txt", b"text")), "'a\\x1b]52;c;x\\x07.txt' (4 bytes)"),
        (tarred(("x", b"")), "'x' (0 bytes)"),
        (tarred(db=tarfile.LNKTYPE), "'db' (a link)"),
        (tarred(db=tarfile.CHRTYPE), "'db' (a device)"),
        (tarred(db=tarfile.DIRTYPE), "'db' (a directory)"),
    ],
)
async def test_what_holds_no_database_is_refused_in_words(
    target: Path, content: bytes, words: str
) -> None:
    assert words in await refusal(content, target)


async def test_two_databases_in_one_tar_are_refused(history: History, target: Path) -> None:
    small = history.small.read_bytes()
    what = await refusal(tarred(("one.db", small), ("two.db", small)), target)
    assert what == "the tar holds 2 databases: 'one.db', 'two.db'"


async def test_wrappings_without_end_are_refused(history: History, target: Path) -> None:
    packed = history.small.read_bytes()
    for _ in range(6):
        packed = gzip.compress(packed)
    assert "more than 4 times" in await refusal(packed, target)


async def test_a_database_that_unpacks_to_more_than_its_header_allows_is_refused(
    history: History, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recovery.snapshots.unpack._GROWN_AHEAD", 1 << 20)
    bomb = gzip.compress(history.small.read_bytes() + bytes(8 << 20))
    assert "no etcd database" in await refusal(bomb, target)


async def test_a_tar_header_of_absurd_size_is_refused(target: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 30
    assert "absurd" in await refusal(header.tobuf() + bytes(8 << 20), target)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("size", [-512, -1, 1 << 62, (1 << 71) + 5])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE])
async def test_a_tar_with_a_file_of_impossible_size_is_refused_and_ends(
    target: Path, size: int, kind: bytes
) -> None:
    header = bytearray(tarred(("notes.txt", b"")))[:512]
    # Numbers too large for octal digits, and those below zero, are written to base 256.
    sign = 0o377 if size < 0 else 0o200
    header[124:136] = bytes([sign]) + (size % (1 << 88)).to_bytes(11, "big")
    header[156:157] = kind
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    target.with_name("stored").write_bytes(header + b"x" * 512 * 40)
    with pytest.raises(SnapshotError):
        await unpack(target.with_name("stored"), target)


async def test_a_chain_of_long_names_without_end_is_refused(target: Path) -> None:
    longer = bytearray(tarred(("name", b"n" * 600)))[: 512 * 3]
    longer[156:157] = b"L"
    longer[148:156] = b" " * 8
    longer[148:156] = b"%06o\0 " % sum(longer[:512])
    target.with_name("stored").write_bytes(longer * 5000)
    with pytest.raises(SnapshotError):
        await unpack(target.with_name("stored"), target)


async def test_a_cancelled_unpacking_leaves_nothing_behind(
    history: History, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recovery.snapshots.unpack._REPORT_EVERY", 1)
    stored = tmp_path / "stored"
    stored.write_bytes(gzip.compress(history.lived.read_bytes() + bytes(300 << 20), 1))
    begun = asyncio.Event()
    work = asyncio.ensure_future(unpack(stored, target, lambda done, total: begun.set()))
    waiting = asyncio.ensure_future(begun.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    waiting.cancel()
    assert list(target.parent.iterdir()) == []
