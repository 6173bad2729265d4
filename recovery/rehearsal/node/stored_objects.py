"""Kubernetes objects as they lie in etcd, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

_MAGIC = b"k8s\0"


def encode_builtin(api_version: str, kind: str, body: Mapping[str, object]) -> bytes:
    """`k8s\\0` and a protobuf `runtime.Unknown` that carries the object as JSON.

    The envelope is Kubernetes' own (apimachinery, pkg/runtime/generated.proto); the real server
    fills it with protobuf, which nothing here needs to read.
    """
    type_meta = _field(1, api_version.encode()) + _field(2, kind.encode())
    raw = json.dumps(body, separators=(",", ":")).encode()
    return _MAGIC + _field(1, type_meta) + _field(2, raw) + _field(4, b"application/json")


def encode_custom(body: Mapping[str, object]) -> bytes:
    """Custom resources are stored as JSON."""
    return json.dumps(body, separators=(",", ":")).encode()


def decode(value: bytes) -> dict[str, object]:
    """The object of a stored value; ValueError where it is none of ours."""
    if not value.startswith(_MAGIC):
        return cast("dict[str, object]", json.loads(value))
    position = len(_MAGIC)
    fields: dict[int, bytes] = {}
    while position < len(value):
        tag, position = _varint(value, position)
        length, position = _varint(value, position)
        if tag & 7 != 2 or position + length > len(value):
            raise ValueError("not a runtime.Unknown")
        fields[tag >> 3] = value[position : position + length]
        position += length
    if 2 not in fields:
        raise ValueError("not a runtime.Unknown")
    return cast("dict[str, object]", json.loads(fields[2]))


def _field(number: int, content: bytes) -> bytes:
    return _encode_varint(number << 3 | 2) + _encode_varint(len(content)) + content


def _encode_varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise ValueError("not a runtime.Unknown")
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
