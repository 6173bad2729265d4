"""Objects go into etcd in Kubernetes' own envelope, and come out as they were."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.rehearsal.node.stored_objects import decode, encode_builtin, encode_custom

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
_objects = st.dictionaries(st.text(), _values, max_size=5)


@given(_objects)
def test_a_builtin_object_comes_out_as_it_went_in(body: dict[str, object]) -> None:
    assert decode(encode_builtin("v1", "Secret", body)) == body


@given(_objects)
def test_a_custom_object_is_plain_json(body: dict[str, object]) -> None:
    stored = encode_custom(body)
    assert json.loads(stored) == body
    assert decode(stored) == body


def test_a_builtin_object_names_its_kind_in_kubernetes_envelope() -> None:
    stored = encode_builtin("apps/v1", "Deployment", {})
    # k8s\0, field 1 (TypeMeta: field 1 apiVersion, field 2 kind), field 2 raw, field 4 type.
    assert stored == (
        b"k8s\0\x0a\x15\x0a\x07apps/v1\x12\x0aDeployment\x12\x02{}\x22\x10application/json"
    )


@pytest.mark.parametrize(
    "stored",
    [b"", b"k8s\0", b"k8s\0\x0a\xff", b"k8s\0\x08\x01", b"k8s:enc:aescbc:v1:key1:\x00\x01"],
)
def test_what_is_no_object_is_an_error(stored: bytes) -> None:
    with pytest.raises(ValueError):
        decode(stored)
