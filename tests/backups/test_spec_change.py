"""A change of the backup configuration: what is wrong with it, the difference, the patch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.backups.spec_change import (
    SpecWishes,
    edited,
    made_anew,
    merge_patch,
    patched,
    spec_yaml,
    wished,
)
from recovery.errors import ConfigurationError


def spec() -> dict[str, Any]:
    return {
        "schedule": "0 0 * * *",
        "paused": False,
        "localStorage": {"path": "/cpaas/backup", "ttl": "7776000"},
        "remoteStorage": {
            "s3": {
                "endpoint": "https://s3.example.com",
                "region": "eu-1",
                "bucket": "etcd",
                "dir": "prod-a",
                "secretRef": "etcd-backup-s3-secret",
            }
        },
        "fieldOfALaterRelease": {"stays": True},
    }


@pytest.mark.parametrize(
    ("wishes", "where"),
    [
        (SpecWishes(schedule="daily"), "spec.schedule"),
        (SpecWishes(schedule="0 0 * * * *"), "spec.schedule"),
        (SpecWishes(ttl="90d"), "spec.localStorage.ttl"),
        (SpecWishes(ttl="-1"), "spec.localStorage.ttl"),
        (SpecWishes(ttl="0"), "spec.localStorage.ttl"),
        (SpecWishes(ttl="٣"), "spec.localStorage.ttl"),
        (SpecWishes(ttl="9" * 5000), "spec.localStorage.ttl"),
        (SpecWishes(ttl="86400"), "spec.localStorage.ttl"),
        (SpecWishes(path="backup"), "spec.localStorage.path"),
        (SpecWishes(path="/"), "spec.localStorage.path"),
        (SpecWishes(path="/cpaas/../etc"), "spec.localStorage.path"),
        (SpecWishes(path="/a\x1b[31m"), "spec.localStorage.path"),
        (SpecWishes(endpoint="s3.example.com"), "spec.remoteStorage.s3.endpoint"),
        (SpecWishes(endpoint="ftp://s3.example.com"), "spec.remoteStorage.s3.endpoint"),
        (SpecWishes(endpoint="https://a b"), "spec.remoteStorage.s3.endpoint"),
        (SpecWishes(endpoint="https://s3:99999"), "spec.remoteStorage.s3.endpoint"),
        (SpecWishes(endpoint="https://key:secret@s3"), "spec.remoteStorage.s3.endpoint"),
        (SpecWishes(bucket="Etcd"), "spec.remoteStorage.s3.bucket"),
        (SpecWishes(bucket="10.0.0.1"), "spec.remoteStorage.s3.bucket"),
        (SpecWishes(dir="../other"), "spec.remoteStorage.s3.dir"),
        (SpecWishes(region="eu 1"), "spec.remoteStorage.s3.region"),
        (SpecWishes(secret_ref="Secret_1"), "spec.remoteStorage.s3.secretRef"),
        (SpecWishes(secret_ref=""), "spec.remoteStorage.s3.secretRef"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_names_its_field(
    wishes: SpecWishes, where: str
) -> None:
    (problem,) = wished(spec(), wishes).problems
    assert problem.where == where
    assert problem.remedy
    assert "\x1b" not in str(problem)


def test_a_change_touches_what_was_wished_and_nothing_else() -> None:
    before = spec()
    change = wished(before, SpecWishes(paused=True, dir="prod-b", ttl=""))
    assert not change.problems
    assert change.patch == {
        "paused": True,
        "localStorage": {"ttl": None},
        "remoteStorage": {"s3": {"dir": "prod-b"}},
    }
    assert before == spec()
    assert "-paused: false\n+paused: true" in change.diff
    assert change.s3_changes


def test_no_wish_is_no_change() -> None:
    change = wished(spec(), SpecWishes())
    assert change.is_none
    assert change.diff == ""
    assert change.patch == {}


def test_without_s3_the_whole_section_goes() -> None:
    assert wished(spec(), SpecWishes(without_s3=True)).patch == {"remoteStorage": None}


def test_backups_that_would_be_written_nowhere_are_refused() -> None:
    lone = spec()
    del lone["localStorage"]
    (problem,) = wished(lone, SpecWishes(without_s3=True)).problems
    assert "nowhere" in problem.what


def test_a_secret_reference_keeps_its_form() -> None:
    before = spec()
    before["remoteStorage"]["s3"]["secretRef"] = {"name": "old", "namespace": "x"}
    change = wished(before, SpecWishes(secret_ref="new"))
    assert change.patch == {"remoteStorage": {"s3": {"secretRef": {"name": "new"}}}}


def test_what_was_wrong_before_does_not_forbid_another_change() -> None:
    before = spec()
    before["localStorage"]["ttl"] = "90d"
    assert not wished(before, SpecWishes(paused=True)).problems


def test_edited_yaml_that_is_the_same_changes_nothing() -> None:
    assert edited(spec(), spec_yaml(spec())).is_none
    assert edited(spec(), "spec:\n" + "".join(f"  {x}\n" for x in spec_yaml(spec()).splitlines()))


@pytest.mark.parametrize("text", ["schedule: [", "- a", "", "just words", "a: b: c", "\t- x: {"])
def test_what_is_no_yaml_of_a_spec_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        edited(spec(), text)
    assert caught.value.remedy


def test_a_mistyped_field_is_told_with_the_nearest_one() -> None:
    text = spec_yaml(spec()).replace("paused:", "pausd:")
    (problem,) = edited(spec(), text).problems
    assert problem.remedy == "did you mean paused?"


def test_a_ttl_without_quotes_is_told() -> None:
    text = spec_yaml(spec()).replace("'7776000'", "7776000")
    (problem,) = edited(spec(), text).problems
    assert problem.where == "spec.localStorage.ttl"
    assert "as text" in problem.what


def test_a_change_is_made_anew_on_top_of_somebody_elses() -> None:
    change = wished(spec(), SpecWishes(dir="prod-b"))
    theirs = {**spec(), "paused": True}
    again = made_anew(change, theirs)
    assert again.after["paused"] is True
    assert again.patch == change.patch


_JSON = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.dictionaries(st.text("abc", max_size=2), inner, max_size=3) | st.lists(inner, max_size=2)
    ),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(st.text("abc", max_size=2), _JSON, max_size=4)


@given(_OBJECTS, _OBJECTS)
def test_the_patch_leads_from_the_one_to_the_other(before: Any, after: Any) -> None:
    made = patched(before, merge_patch(before, after))
    assert json.dumps(made, sort_keys=True) == json.dumps(after, sort_keys=True)
