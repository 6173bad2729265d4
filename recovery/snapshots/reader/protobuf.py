"""As much of protobuf as etcd's values need."""

from typing import Any, Dict, Tuple


def varint(data: bytes, at: int) -> Tuple[int, int]:
    """The number at that place, and where it ends. Raises ValueError where none is."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("no number")


def fields(data: bytes) -> Dict[int, Any]:
    """The fields of a protobuf message: numbers, and (start, size) for what has a length.

    Raises ValueError where the bytes are none.
    """
    found: Dict[int, Any] = {}
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            found[tag >> 3], at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            if at + size > len(data):
                raise ValueError("a field is longer than its message")
            found[tag >> 3] = (at, size)
            at += size
        else:
            raise ValueError("a field of an unknown kind")
    return found
