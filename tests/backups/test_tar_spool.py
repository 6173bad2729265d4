"""A tar written while its content streams in."""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime

import pytest

from recovery.backups.tar_spool import TarSpool, packed_size

AT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 8192, 9215, 9216, 9217, 70_000])
def test_it_is_byte_for_byte_what_tarfile_writes(size: int) -> None:
    content = (bytes(range(251)) * 300)[:size]
    written = io.BytesIO()
    spool = TarSpool(written)
    for start in range(0, size, 1000):
        spool.write(content[start : start + 1000])
    spool.finish(AT)

    expected = io.BytesIO()
    with tarfile.open(fileobj=expected, mode="w", format=tarfile.GNU_FORMAT) as archive:
        entry = tarfile.TarInfo("snapshot.db")
        entry.size, entry.mtime, entry.mode = size, int(AT.timestamp()), 0o600
        archive.addfile(entry, io.BytesIO(content))
    assert written.getvalue() == expected.getvalue()
    assert len(written.getvalue()) <= packed_size(size)


def test_before_its_end_there_is_nothing_in_it() -> None:
    written = io.BytesIO()
    TarSpool(written).write(bytes(8192))
    with tarfile.open(fileobj=io.BytesIO(written.getvalue()), mode="r:") as archive:
        assert archive.getnames() == []
