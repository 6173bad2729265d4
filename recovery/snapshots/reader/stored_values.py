"""The latest values of some keys, and the members, as a program for a node's own python3.

A backup knows who the cluster's nodes are, when nothing else does any more.
"""

import base64
import json
import mmap
import os
import struct
import sys
from typing import Dict, List, Set, Tuple

from recovery.snapshots.reader.contents import Contents
from recovery.snapshots.reader.file_format import LARGEST_PAGE, Damage, Document, choose_meta
from recovery.snapshots.reader.pages import Tree
from recovery.snapshots.reader.protobuf import fields, varint
from recovery.snapshots.reader.tar import Packed, find_database

MOST_VALUES = 8 << 20
"""Bytes; nodes are some kilobytes each."""


def stored_values(path: str, prefixes: Tuple[bytes, ...]) -> Document:
    """Members, and the latest values (base64) of all keys that begin so.

    Raises OSError, Damage, Packed, or ValueError and its kin where the file is not sound.
    """
    with open(path, "rb", 0) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        region = find_database(data, len(data))
        head = data[region.start : region.start + min(region.size, LARGEST_PAGE + 4096)]
        meta, _ = choose_meta(head)
        if region.size < meta.pages * meta.page_size:
            raise Damage("short", "cut short")
        contents = Contents(Tree(data, meta, region.start))
        contents.read(meta, brief=True, thorough=False, on_pages=lambda: None)
        found = latest(Tree(data, meta, region.start), meta.root, prefixes)
        return {"members": contents.document(True)["members"], "values": found}


def latest(tree: Tree, root: int, prefixes: Tuple[bytes, ...]) -> Dict[str, str]:
    """What stands under these keys at the newest revision: from the newest entry to the oldest."""
    data, room = tree.data, MOST_VALUES
    seen: Set[bytes] = set()
    values: Dict[str, str] = {}
    top = tree.entries(tree.leaves(root, 0))
    bucket = next(entry for entry in top if entry.key == b"key")
    for page, elements, count, end, _, _ in tree.bucket(bucket, backwards=True):
        entries = list(tree.layout(page, elements, count, end))
        for _, place, key_size, size in reversed(entries):
            start = place + key_size
            if size < 2:
                continue
            length, behind = varint(data[start : start + 12], 1)
            key = data[start + behind : start + behind + length]
            if not key.startswith(prefixes) or key in seen:
                continue
            seen.add(key)
            if key_size != 17:
                continue
            entry = data[start : start + size]
            at, length = fields(entry).get(5, (0, 0))
            room -= length
            if room < 0:
                raise ValueError("there are too many of these keys")
            name = key.decode("utf-8", "replace")
            values[name] = base64.b64encode(entry[at : at + length]).decode()
    return values


def main(arguments: List[str]) -> int:
    """The program: a file, then the beginnings of keys."""
    document: Document
    try:
        document = stored_values(arguments[0], tuple(each.encode() for each in arguments[1:]))
    except Damage as damage:
        document = {"error": damage.what}
    except Packed as packed:
        document = {"error": "still packed (%s)" % packed.shape}
    except (ValueError, struct.error, IndexError, StopIteration) as error:
        document = {"error": "it cannot be so (%s)" % error}
    except OSError as error:
        document = {"error": error.strerror or str(error)}
    sys.stdout.write(json.dumps(document) + "\n")
    return 2 if "error" in document else 0


def run() -> None:
    """The program as a process."""
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)
