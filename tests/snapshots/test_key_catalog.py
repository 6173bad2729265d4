"""All live keys of a snapshot, found by resource, by namespace, and by a part of their text."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import cast

import pytest

from recovery.errors import RescueError, SnapshotError
from recovery.snapshots.key_catalog import KeysWanted, SnapshotKeys, read_keys
from tests.snapshots.conftest import History
from tests.snapshots.lone_etcd import LoneEtcd, text64

SECRET = b"/registry/secrets/shop/checkout-payment-provider"
VALUE = b"k8s\x00 no screen may show this"


def catalog(*keys: bytes) -> SnapshotKeys:
    found = SnapshotKeys(1000)
    found.take((key, 10 + number) for number, key in enumerate(sorted(keys)))
    return found


def left_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def texts(keys: SnapshotKeys, wanted: KeysWanted) -> list[str]:
    return [keys.key(place).text for place in await keys.find(wanted)]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[bytes, int]]]:
    """A snapshot with a secret that was written, one that was deleted, and what etcd told."""
    directory = tmp_path_factory.mktemp("keys")
    with LoneEtcd(directory) as etcd:
        etcd.put(SECRET.decode(), VALUE)
        etcd.put("/registry/secrets/shop/gone", VALUE)
        etcd.delete("/registry/secrets/shop/gone")
        etcd.put("/registry/minions/worker-1", "node")
        etcd.put("/registry/apps.example.com/widgets/shop/blue", "{}")
        etcd.put("/registry/namespaces/shop", "ns")
        etcd.put(SECRET.decode(), VALUE)
        everything = text64("\0")
        told = etcd.ask("kv/range", key=everything, range_end=everything, keys_only=True)
        pairs = cast(list[dict[str, str]], told["kvs"])
        snapshot = etcd.save(directory / "snapshot.db")
    return snapshot, [(base64.b64decode(pair["key"]), int(pair["mod_revision"])) for pair in pairs]


async def test_the_keys_of_a_snapshot_are_those_that_etcd_told(
    taken: tuple[Path, list[tuple[bytes, int]]], tmp_path: Path
) -> None:
    snapshot, told = taken
    heard: list[tuple[int, int]] = []
    keys = await read_keys(snapshot, lambda *moved: heard.append(moved), tmp_path)
    read = [keys.key(place) for place in range(len(keys))]
    assert [(key.raw, key.revision) for key in read] == told
    (place,) = await keys.find(KeysWanted(text="payment"))
    secret = keys.key(place)
    assert (secret.resource, secret.namespace) == ("secrets", "shop")
    assert secret.name == "checkout-payment-provider"
    assert await texts(keys, KeysWanted(text="gone")) == []
    assert await texts(keys, KeysWanted(resource="nodes")) == ["/registry/minions/worker-1"]
    assert not left_in(tmp_path)


async def test_no_value_is_kept_with_the_keys(
    taken: tuple[Path, list[tuple[bytes, int]]], tmp_path: Path
) -> None:
    keys = await read_keys(taken[0], None, tmp_path)
    assert b"no screen may show" not in bytes(keys._bytes)
    assert SECRET in bytes(keys._bytes)


async def test_every_key_of_a_real_life_is_counted_once(history: History, tmp_path: Path) -> None:
    keys = await read_keys(history.lived, None, tmp_path)
    everything = await keys.find(KeysWanted())
    resources = await keys.resources(everything)
    assert sum(count for _, count in resources) == len(everything) == len(keys)
    assert resources[0] == ("pods", 806)
    pods = await keys.find(KeysWanted(resource="pods"))
    assert dict(await keys.namespaces(pods)) == {"ns-0": 400, "ns-1": 399, "default": 7}
    assert dict(resources)[""] == 7
    assert dict(await keys.resources(await keys.find(KeysWanted(text="long")))) == {"configmaps": 1}


async def test_nothing_is_left_behind_where_reading_fails_or_is_ended(
    history: History, tmp_path: Path
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    short = tmp_path / "short.db"
    short.write_bytes(history.lived.read_bytes()[:-5000])
    with pytest.raises(SnapshotError, match="cut short"):
        await read_keys(short, None, room)
    reading = asyncio.create_task(read_keys(history.lived, None, room))
    await asyncio.sleep(0)
    assert left_in(room)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not left_in(room)


async def test_a_missing_temporary_directory_is_told_in_words(
    history: History, tmp_path: Path
) -> None:
    with pytest.raises(RescueError, match="no temporary directory can be made"):
        await read_keys(history.small, None, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (KeysWanted(text="WEB"), ["/registry/pods/shop/Web-1", "/registry/pods/shop/web-2"]),
        (KeysWanted(text="web-1"), ["/registry/pods/shop/Web-1"]),
        (KeysWanted(text="NODES"), ["/registry/minions/w"]),
        (KeysWanted(text="shop/"), ["/registry/pods/shop/Web-1", "/registry/pods/shop/web-2"]),
        (KeysWanted(text="müller"), ["/registry/pods/müller/one"]),
        (KeysWanted(resource="pods", namespace="shop-2"), ["/registry/pods/shop-2/a"]),
        (KeysWanted(resource=""), ["/calico/a", "other"]),
        (KeysWanted(namespace="", text="w"), ["/registry/minions/w"]),
        (KeysWanted(resource="pods", text="/a"), ["/registry/pods/shop-2/a"]),
        (KeysWanted(resource="secrets"), []),
    ],
)
async def test_keys_are_found_by_what_is_wanted(wanted: KeysWanted, found: list[str]) -> None:
    keys = catalog(
        b"/calico/a",
        b"/registry/minions/w",
        b"/registry/pods/shop/Web-1",
        b"/registry/pods/shop/web-2",
        b"/registry/pods/shop-2/a",
        "/registry/pods/müller/one".encode(),
        b"other",
    )
    assert await texts(keys, wanted) == found


async def test_a_text_is_never_found_across_two_keys() -> None:
    keys = catalog(b"/a/xab", b"/a/yab", b"ab/")
    assert await texts(keys, KeysWanted(text="b/")) == ["ab/"]
    assert await texts(keys, KeysWanted(text="ab/a")) == []


async def test_every_key_that_holds_a_text_is_found_and_no_other() -> None:
    keys = catalog(*(f"/registry/pods/ns-{n % 7}/aaa-{n * 37:05}".encode() for n in range(5000)))
    for text in ("aa", "a-0", "77", "ns-3/", "registry", "pods", "99999"):
        all_texts = [keys.key(place).text for place in range(len(keys))]
        expected = [place for place, key in enumerate(all_texts) if text in key]
        assert list(await keys.find(KeysWanted(text=text))) == expected


async def test_what_a_terminal_would_not_bear_is_written_as_its_bytes() -> None:
    keys = catalog(b"/registry/pods/a/\x1b]52;c;x\x07", b"/registry/pods/b/\xff")
    assert keys.key(0).text == "/registry/pods/a/\\x1b]52;c;x\\x07"
    assert keys.key(0).name == "\\x1b]52;c;x\\x07"
    assert keys.key(1).text == "/registry/pods/b/\\xff"


def numbered(count: int) -> Iterator[tuple[bytes, int]]:
    for number in range(count):
        yield f"/registry/events/space-{number // 1000:03}/event-{number:07}".encode(), number


@pytest.mark.parametrize("text", ["event-0099", "event", "e", "not there"])
async def test_others_get_their_turn_while_a_quarter_million_keys_are_searched(text: str) -> None:
    keys = SnapshotKeys(1)
    keys.take(numbered(250_000))
    longest = await _longest_wait(lambda: keys.find(KeysWanted(text=text)))
    assert longest < 0.25


async def _longest_wait(search: Callable[[], Awaitable[Sequence[int]]]) -> float:
    waits: list[float] = []

    async def others() -> None:
        last = monotonic()
        while True:
            await asyncio.sleep(0)
            waits.append(monotonic() - last)
            last = monotonic()

    other = asyncio.create_task(others())
    await search()
    other.cancel()
    return max(waits, default=0.0)
