"""Reading and editing etcd.yaml."""

from __future__ import annotations

import hashlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from recovery.cluster.facts import Version
from recovery.cluster.manifest import (
    image_version,
    manifest_diff,
    read_manifest,
    set_flag,
    with_existing_state,
)
from recovery.errors import ManifestError
from tests.cluster.manifests import JOINED, KUBEADM, pod

PATH = "/etc/kubernetes/manifests/etcd.yaml"

FLAGS = (
    "--name=a",
    "--data-dir=/data/etcd",
    "--listen-client-urls=https://127.0.0.1:2379",
    "--initial-advertise-peer-urls=https://10.0.0.1:2380",
    "--initial-cluster=a=https://10.0.0.1:2380",
    "--cert-file=/data/pki/server.crt",
    "--key-file=/data/pki/server.key",
    "--trusted-ca-file=/data/pki/ca.crt",
)


def block(field: str, items: tuple[str, ...], indent: str = "    ") -> str:
    return f"    {field}:\n" + "".join(f"{indent}- {item}\n" for item in items)


def test_a_kubeadm_manifest_is_read() -> None:
    manifest = read_manifest(PATH, KUBEADM, "600", "0:0")
    assert manifest.member_name == "etcd-1"
    assert manifest.data_dir == "/var/lib/etcd"
    assert manifest.cert_file == "/etc/kubernetes/pki/etcd/server.crt"
    assert manifest.listen_client_urls == ("https://127.0.0.1:2379", "https://10.0.0.11:2379")
    assert manifest.initial_cluster == (("etcd-1", "https://10.0.0.11:2380"),)
    assert manifest.initial_cluster_state is None
    assert manifest.version == Version(3, 5, 16)
    assert manifest.sha256 == hashlib.sha256(KUBEADM.encode()).hexdigest()


def test_flags_are_read_from_command_and_args_in_both_forms() -> None:
    flags = [item for flag in FLAGS for item in flag.split("=", 1)]
    text = pod("    command: [/usr/local/bin/etcd]\n" + block("args", tuple(flags)))
    assert read_manifest(PATH, text, "600", "0:0").member_name == "a"


def test_the_etcd_container_is_found_by_its_command_too() -> None:
    text = pod(block("command", ("/usr/local/bin/etcd", *FLAGS))).replace(
        "name: etcd\n", "name: db\n"
    )
    assert read_manifest(PATH, text, "600", "0:0").member_name == "a"


def test_container_paths_become_host_paths_by_the_longest_mount() -> None:
    manifest = read_manifest(PATH, pod(block("command", ("etcd", *FLAGS))), "600", "0:0")
    assert manifest.data_dir == "/srv/etcd/etcd"
    assert manifest.key_file == "/srv/certs/server.key"
    assert manifest.version == Version(3, 4, 23)


def test_variables_stand_in_for_absent_flags() -> None:
    text = pod(
        block("command", ("etcd", *FLAGS[1:])) + "    env:\n    - {name: ETCD_NAME, value: b}\n"
    )
    assert read_manifest(PATH, text, "600", "0:0").member_name == "b"


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if "initial-cluster=" not in flag])
def test_a_missing_flag_is_named(flag: str) -> None:
    rest = tuple(other for other in FLAGS if other != flag)
    with pytest.raises(ManifestError, match=flag.partition("=")[0]) as caught:
        read_manifest(PATH, pod(block("command", ("etcd", *rest))), "600", "0:0")
    assert caught.value.where == PATH


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("kind: Pod\n", "no pod"),
        ("a: [1\n", "YAML"),
        ("a: 1\n---\nb: 2\n", "YAML"),
        ("- 1\n", "no pod"),
        ("kind: Pod\nspec: {containers: [{name: other}]}\n", "no container"),
        (pod("    command: etcd --name=a\n"), "not a list"),
        (pod("    command: [etcd, --config-file=/data/x]\n"), "config-file"),
        (KUBEADM.replace("--data-dir=/var/lib/etcd", "--data-dir=/elsewhere"), "hostPath"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(text: str, says: str) -> None:
    with pytest.raises(ManifestError, match=says):
        read_manifest(PATH, text, "600", "0:0")


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.k8s.io/etcd:3.5.16-0", Version(3, 5, 16)),
        ("etcd:v3.4.23", Version(3, 4, 23)),
        ("reg:5000/etcd:3.6.1@sha256:0123", Version(3, 6, 1)),
        ("reg:5000/etcd", None),
        ("etcd:latest", None),
        ("", None),
    ],
)
def test_the_image_tells_the_version(image: str, version: Version | None) -> None:
    assert image_version(image) == version


def test_an_absent_state_is_inserted_after_initial_cluster() -> None:
    edited = with_existing_state(KUBEADM)
    line = "    - --initial-cluster=etcd-1=https://10.0.0.11:2380\n"
    assert edited == KUBEADM.replace(line, line + "    - --initial-cluster-state=existing\n")


def test_a_manifest_that_says_existing_is_left_alone() -> None:
    assert with_existing_state(JOINED) == JOINED


def test_only_the_value_of_the_flag_changes() -> None:
    before = JOINED.replace("state=existing", "state=new   # first boot")
    assert with_existing_state(before) == before.replace("state=new", "state=existing")


def test_every_occurrence_is_set_because_the_last_one_wins() -> None:
    before = JOINED.replace("state=existing", "state=new").replace(
        "    - --name=etcd-1\n", "    - --initial-cluster-state=new\n    - --name=etcd-1\n"
    )
    assert with_existing_state(before) == before.replace("state=new", "state=existing")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '    command: [etcd, "--initial-cluster=a=b", --name=a]\n',
            '    command: [etcd, "--initial-cluster=a=b", "--initial-cluster-state=existing", '
            "--name=a]\n",
        ),
        (
            "    command:\n      [\n        etcd,\n        '--initial-cluster=a=b',\n"
            "        '--name=a',\n      ]\n",
            "    command:\n      [\n        etcd,\n        '--initial-cluster=a=b',\n"
            "        '--initial-cluster-state=existing',\n        '--name=a',\n      ]\n",
        ),
        (
            "    command: [etcd]\n    args:\n      - --initial-cluster\n      - a=b  # all\n",
            "    command: [etcd]\n    args:\n      - --initial-cluster\n      - a=b  # all\n"
            "      - --initial-cluster-state\n      - existing\n",
        ),
        (
            "    command: [etcd, -initial-cluster-state, 'new', -initial-cluster, a=b]\n",
            "    command: [etcd, -initial-cluster-state, 'existing', -initial-cluster, a=b]\n",
        ),
        (
            "    command:\n    -   etcd\n    -   '--initial-cluster-state=new'\n",
            "    command:\n    -   etcd\n    -   '--initial-cluster-state=existing'\n",
        ),
        (
            "    command:\n    - etcd\n    - --name=a\n",
            "    command:\n    - etcd\n    - --name=a\n    - --initial-cluster-state=existing\n",
        ),
    ],
)
def test_the_edit_keeps_the_form_of_its_neighbours(before: str, after: str) -> None:
    assert with_existing_state(pod(before)) == pod(after)


def test_windows_line_ends_stay() -> None:
    before = KUBEADM.replace("\n", "\r\n")
    assert with_existing_state(before) == with_existing_state(KUBEADM).replace("\n", "\r\n")


def test_a_text_without_a_last_newline_is_edited() -> None:
    before = "spec:\n  containers:\n  - name: etcd\n    command:\n    - etcd\n    - --name=a"
    assert with_existing_state(before) == before + "\n    - --initial-cluster-state=existing"


@pytest.mark.parametrize(
    "command",
    [
        "    command:\n    - etcd\n    - >-\n      --initial-cluster-state=new\n    - --name=a\n",
        "    command:\n    - etcd\n    - &s --initial-cluster-state=new\n    - --name=a\n",
        "    command:\n    - etcd\n    - &s --name=a\n    - *s\n    - --initial-cluster=a=b\n"
        "    - *s\n    - --initial-cluster-state\n    - !!str new\n",
        "    command: [etcd]\n",
    ],
)
def test_a_form_that_is_not_safe_to_edit_is_refused(command: str) -> None:
    with pytest.raises(ManifestError):
        with_existing_state(pod(command))


def test_a_value_that_would_need_quotes_is_refused_or_quoted() -> None:
    text = pod("    command: [etcd, --name, a]\n")
    with pytest.raises(ManifestError):
        set_flag(text, "name", "true")
    quoted = set_flag(text.replace("--name, a", "--name, 'a'"), "name", "it's")
    assert "'it''s'" in quoted


def test_the_diff_shows_the_one_line() -> None:
    diff = manifest_diff(KUBEADM, with_existing_state(KUBEADM))
    changed = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in "+++---"]
    assert changed == ["+    - --initial-cluster-state=existing"]
    assert manifest_diff(KUBEADM, KUBEADM) == ""


_value = st.from_regex(r"[a-z0-9./:=,-]{1,20}", fullmatch=True).filter(
    lambda text: not text.startswith(("-", "=")) and not text.endswith(":")
)
_names = st.sampled_from(["name", "data-dir", "initial-cluster", "snapshot-count", "v"])


@st.composite
def _commands(draw: st.DrawFn) -> str:
    quote = draw(st.sampled_from(["", "'", '"']))
    flags = draw(st.lists(st.tuples(_names, _value), min_size=1, max_size=6))
    state = draw(st.sampled_from([None, "new", "existing"]))
    items = [f"--{name}={value}" for name, value in flags]
    if state:
        items.insert(draw(st.integers(0, len(items))), f"--initial-cluster-state={state}")
    words = ["etcd", *items]
    field = draw(st.sampled_from(["command", "args"]))
    if draw(st.booleans()):
        return f"    {field}: [" + ", ".join(f"'{word}'" for word in words) + "]\n"
    comment = draw(st.sampled_from(["", "  # why", " "]))
    indent = draw(st.sampled_from(["    ", "      ", "          "]))
    gap = draw(st.sampled_from([" ", "  "]))
    rows = [f"{indent}-{gap}{quote}{word}{quote}{comment}\n" for word in words]
    return f"    {field}:\n" + "".join(rows)


@given(_commands(), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_edit_sets_the_state_and_changes_nothing_else(
    command: str, newline: str, document_marks: bool
) -> None:
    text = pod(command)
    if document_marks:
        text = f"# kept\n---\n{text}# the end\n"
    text = text.replace("\n", newline)
    edited = with_existing_state(text)
    before = [line for line in text.split("\n") if "initial-cluster-state" not in line]
    after = [line for line in edited.split("\n") if "initial-cluster-state" not in line]
    if "[" not in command:
        assert after == before
    container = yaml.safe_load(edited)["spec"]["containers"][0]
    words = container.get("command", []) + container.get("args", [])
    states = [word for word in words if word.startswith("--initial-cluster-state")]
    assert states and set(states) == {"--initial-cluster-state=existing"}
    assert with_existing_state(edited) == edited
