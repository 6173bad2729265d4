"""A database that lies plain in a tar is read where it lies, as if it had been unpacked."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import random
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import zstandard

from recovery.errors import SnapshotError
from recovery.snapshots.reader.answer import read_database
from recovery.snapshots.reader.bundle import one_file
from recovery.snapshots.reader.file_format import Document
from recovery.snapshots.unpack import unpack
from tests.snapshots.conftest import History
from tests.snapshots.damaging import Database

LONG = "/".join(["a" * 90] * 4) + "/snapshot.db"


def tarred(
    files: list[tuple[str, bytes]],
    form: int = tarfile.GNU_FORMAT,
    directory: str = "",
    **described: str,
) -> bytes:
    """A tar of these files, after a directory; `described` are pax records of each."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        if directory:
            entry = tarfile.TarInfo(directory)
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.pax_headers = len(content), dict(described)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A lone header; sizes beyond 8 GiB and below zero are in base 256."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, size
    return entry.tobuf(tarfile.GNU_FORMAT)


def checksummed(block: bytes) -> bytes:
    """A header whose checksum fits again."""
    summed = sum(block[:148]) + 256 + sum(block[156:])
    return block[:148] + b"%06o\0 " % summed + block[156:]


def read(path: Path, content: bytes) -> Document:
    """The reader's answer for these bytes."""
    path.write_bytes(content)
    return read_database(str(path))


def without_its_tar(document: Document) -> Document:
    """What has to be the same for the unpacked database."""
    return {
        name: value
        for name, value in document.items()
        if name not in ("unpackedFrom", "storedSize")
    }


async def unpacked(path: Path) -> Document | str:
    """What the reader says of the unpacked database, or why there is none."""
    target = path.with_name("unpacked.db")
    try:
        wrappings = (await unpack(path, target)).wrappings
    except SnapshotError as error:
        return error.what
    return dict(read_database(str(target)), unpackedFrom=list(wrappings))


async def assert_read_in_place(path: Path, content: bytes) -> None:
    """The answer for the tar is that for the database in it."""
    answer = read(path, content)
    expected = await unpacked(path)
    assert isinstance(expected, dict)
    assert without_its_tar(answer) == without_its_tar(expected)
    assert answer["integrity"] == "verified"
    assert answer["unpackedFrom"] == ["tar"]
    assert answer["storedSize"] == len(content)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["snapshot.db", "./snapshot.db", LONG, "p" * 99 + "/é.db"])
async def test_every_kind_of_tar_is_read_in_place(
    history: History, tmp_path: Path, form: int, name: str
) -> None:
    if name is LONG and form == tarfile.USTAR_FORMAT:
        name = name[90:240] + "/snapshot.db"
    files = [("notes.txt", b"x" * 700), (name, history.lived.read_bytes()), ("empty", b"")]
    await assert_read_in_place(tmp_path / "backup.tar", tarred(files, form, directory="./"))


@pytest.mark.parametrize("form", ["v7", "oldgnu", "gnu", "ustar", "posix"])
async def test_what_tar_itself_wrote_is_read_in_place(
    history: History, tmp_path: Path, form: str
) -> None:
    if not shutil.which("tar"):
        pytest.skip("there is no tar here")
    directory = tmp_path / "backup"
    directory.mkdir()
    shutil.copy(history.compacted, directory / "snapshot.db")
    (directory / "config.yaml").write_text("kind: Backup\n")
    (directory / "latest").symlink_to("snapshot.db")
    command = ["tar", "-C", str(directory), f"--format={form}", "-cf", "-", "./"]
    told = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60)
    await assert_read_in_place(tmp_path / "backup.tar", told.stdout)


def test_a_tar_is_read_by_the_program_from_stdin_as_well(history: History, tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    path.write_bytes(tarred([("snapshot.db", history.lived.read_bytes())], directory="./"))
    for options in ([], ["--brief"]):
        told = subprocess.run(
            [sys.executable, "-I", "-S", "-", *options, path],
            input=one_file(),
            capture_output=True,
            check=True,
            timeout=60,
        )
        answer = json.loads(told.stdout)
        assert answer == read_database(str(path), brief=bool(options))
        assert answer["unpackedFrom"] == ["tar"]
        assert answer["contents"]["revision"] > 10


def test_progress_counts_the_databases_bytes(history: History, tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    content = history.lived.read_bytes() + bytes(8 << 20)
    path.write_bytes(tarred([("notes", bytes(9 << 20)), ("snapshot.db", content)]))
    told: list[tuple[int, int]] = []
    read_database(str(path), report=lambda done, total: told.append((done, total)))
    assert told
    assert all(done <= total == len(content) for done, total in told)


async def test_a_member_s_own_database_in_a_tar_has_no_hash(
    history: History, tmp_path: Path
) -> None:
    answer = read(tmp_path / "own.tar", tarred([("db", history.own.read_bytes())]))
    assert answer["integrity"] == "no-hash"
    assert answer["size"] == history.own.stat().st_size


def test_places_are_those_in_the_database(history: History, tmp_path: Path) -> None:
    database = Database(history.lived)
    for page in database.pages(0x02):
        database.put("<H", page, 10, 0xFFFF)
    bare = read(tmp_path / "bare.db", bytes(database.bytes))
    inside = read(tmp_path / "in.tar", tarred([("x", b"y"), ("db", bytes(database.bytes))]))
    assert inside["reason"] == bare["reason"]
    assert "byte" in bare["reason"]
    assert without_its_tar(inside) == without_its_tar(bare)


def test_a_tar_cut_short_inside_the_database_says_where(history: History, tmp_path: Path) -> None:
    whole = history.lived.read_bytes()
    content = tarred([("snapshot.db", whole)], directory="./")
    for there in (20, 512, 4096, 1_000_000, len(whole) - 1):
        answer = read(tmp_path / "cut.tar", content[: 1024 + there])
        assert answer["integrity"] == "corrupt"
        assert answer["damage"] == "short"
        assert answer["reason"] == f"cut short at byte {there} of {len(whole)}"
        assert answer["size"] == there


async def test_every_truncation_of_a_tar_is_judged_as_after_unpacking(
    history: History, tmp_path: Path
) -> None:
    content = tarred([("notes", b"text"), ("db", history.small.read_bytes())], tarfile.PAX_FORMAT)
    end = len(content.rstrip(b"\0"))
    chance = random.Random(6)
    sizes = [*range(0, 2600, 151), *(chance.randrange(len(content)) for _ in range(40))]
    for size in [*sizes, *range(end - 40, end + 1200, 37)]:
        await assert_judged_alike(tmp_path / "cut.tar", content[:size])


async def assert_judged_alike(path: Path, content: bytes) -> None:
    """Whatever is called sound or damaged here is so after unpacking; the rest is left to that."""
    answer = read(path, content)
    expected = await unpacked(path)
    if "packed" in answer:
        return
    if isinstance(expected, str):
        assert answer["integrity"] == "corrupt", expected
    elif answer["damage"] != "format":
        assert answer["unpackedFrom"] == expected["unpackedFrom"]
        assert without_its_tar(answer) == without_its_tar(expected)
    else:
        assert answer["contents"] is None


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
async def test_changed_headers_are_judged_as_after_unpacking(
    history: History, tmp_path: Path, form: int
) -> None:
    name = LONG if form != tarfile.USTAR_FORMAT else "snapshot.db"
    small = history.small.read_bytes()
    whole = tarred([("notes", b"text"), (name, small), ("last", b"x")], form, directory="./")
    heads = [at for at in range(0, len(whole), 512) if whole[at + 257 : at + 262] == b"ustar"]
    chance = random.Random(form)
    for _ in range(120):
        content = bytearray(whole)
        at = chance.choice(heads)
        for _ in range(chance.choice((1, 1, 2, 8))):
            # The size and the type are where it becomes interesting.
            place = chance.choice((chance.randrange(512), chance.randrange(124, 136), 156))
            content[at + place] = chance.choice((*b"\0 01277LKxgS5\x80\xff", chance.randrange(256)))
        if chance.random() < 0.9:
            content[at : at + 512] = checksummed(bytes(content[at : at + 512]))
        await assert_judged_alike(tmp_path / "changed.tar", bytes(content))


@pytest.mark.skipif(
    sys.version_info < (3, 11, 4), reason="its tarfile refuses odd headers that later ones take"
)
async def test_changed_extended_headers_are_judged_as_after_unpacking(
    history: History, tmp_path: Path
) -> None:
    small = history.small.read_bytes()
    whole = tarred([(LONG, small)], tarfile.PAX_FORMAT, size=str(len(small)), comment="none")
    chance = random.Random(7)
    for _ in range(120):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 2, 5))):
            content[512 + chance.randrange(480)] = chance.choice(b"\0 019=\nszx\xff")
        await assert_judged_alike(tmp_path / "changed.tar", bytes(content))


@pytest.mark.parametrize(
    "build",
    [
        lambda db: header("db", 1 << 62) + db,
        lambda db: header("x", 1 << 40, tarfile.XHDTYPE) + db,
        lambda db: header("x", 1 << 60, tarfile.GNUTYPE_LONGNAME) + db,
        lambda db: header("x", 0, tarfile.GNUTYPE_LONGNAME) * 100 + header("db", len(db)) + db,
        lambda db: header("x", 0, tarfile.XGLTYPE),
        lambda db: header("db", len(db), tarfile.GNUTYPE_SPARSE) + db,
        lambda db: header("db", len(db), tarfile.DIRTYPE) + db,
        lambda db: header("db", len(db), b"V") + db,
        lambda db: header("db", 0) + db,
        lambda db: header("db", 700) + db,
        lambda db: header("db", 4096 + 40) + db,
        lambda db: tarred([("db", db)], tarfile.PAX_FORMAT, **{"GNU.sparse.major": "1"}),
        lambda db: tarred([("db", db)], tarfile.PAX_FORMAT, size="4096"),
        lambda db: tarred([("db", db)], tarfile.PAX_FORMAT, size="9" * 4000),
        lambda db: tarred([("db", db)])[:-1024][: 512 + len(db)],
        lambda db: tarred([("db", db)])[: 512 + len(db)] + b"garbage" * 1000,
        lambda db: tarred([("x", b"")] * 3000 + [("db", db)]),
    ],
)
async def test_hostile_tars_are_judged_as_after_unpacking(
    history: History, tmp_path: Path, build: object
) -> None:
    assert callable(build)
    await assert_judged_alike(tmp_path / "hostile.tar", build(history.small.read_bytes()))


@pytest.mark.parametrize(
    "build",
    [
        lambda db: header("db", -512) + db,
        lambda db: checksummed(header("db", 0)[:124] + b"\x80" + b"\xff" * 11 + bytes(376)) + db,
        lambda db: header("x", 0, tarfile.GNUTYPE_LONGNAME) * 5000 + db,
        lambda db: tarred([("db", db)], tarfile.PAX_FORMAT, size="-4096"),
        lambda db: tarred([("db", db)], tarfile.PAX_FORMAT, size="9" * 5000),
    ],
)
def test_absurd_sizes_in_a_tar_are_refused(history: History, tmp_path: Path, build: object) -> None:
    assert callable(build)
    answer = read(tmp_path / "hostile.tar", build(history.small.read_bytes()))
    assert answer["integrity"] == "corrupt"
    assert answer["contents"] is None


@pytest.mark.parametrize("count", [0, 2, 12])
async def test_a_tar_with_no_database_or_several_is_told_in_the_same_words(
    history: History, tmp_path: Path, count: int
) -> None:
    small = history.small.read_bytes()
    files = [(f"one-{number}.db", small) for number in range(count)]
    content = tarred([*files, ("a\x1b]52;c;x\x07.txt", b"text")], directory="./")
    answer = read(tmp_path / "backup.tar", content)
    assert answer["integrity"] == "corrupt"
    assert answer["damage"] == "format"
    assert answer["reason"] == await unpacked(tmp_path / "backup.tar")
    assert answer["unpackedFrom"] == ["tar"]


@pytest.mark.parametrize(
    ("shape", "pack"),
    [
        ("gzip", gzip.compress),
        ("zstd", zstandard.compress),
        ("gzip", lambda db: gzip.compress(tarred([("db", db)]))),
        ("gzip", lambda db: tarred([("db.gz", gzip.compress(db))])),
        ("zstd", lambda db: tarred([("db.zst", zstandard.compress(db))], directory="./")),
        ("tar", lambda db: tarred([("inner.tar", tarred([("db", db)]))])),
        ("gzip", lambda db: tarred([("earlier.gz", gzip.compress(b"log")), ("db", db)])),
    ],
)
def test_what_has_to_be_unpacked_first_is_named_and_not_judged(
    history: History, tmp_path: Path, shape: str, pack: object
) -> None:
    assert callable(pack)
    answer = read(tmp_path / "packed", pack(history.small.read_bytes()))
    assert answer["packed"] == shape
    assert answer["contents"] is None


async def test_what_is_packed_behind_the_database_does_not_matter(
    history: History, tmp_path: Path
) -> None:
    files = [("db", history.small.read_bytes()), ("log.gz", gzip.compress(b"log"))]
    await assert_read_in_place(tmp_path / "backup.tar", tarred(files))
