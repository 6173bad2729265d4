"""A node that does not answer is named, and hides nothing of the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from tests.end_to_end.demo_cluster import Demo, running_demo

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


@pytest.fixture(name="demo", scope="module")
def demo_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("home")) as demo:
        # Nobody listens there, as on a host that is off and whose address refuses.
        document = yaml.safe_load(demo.inventory.read_text())
        document["clusters"][0]["controlPlane"][2]["ssh"]["port"] = 1
        demo.inventory.write_text(yaml.safe_dump(document))
        yield demo


def test_the_catalog_shows_the_others_and_names_the_node(demo: Demo) -> None:
    document = demo.json("snapshots")
    assert len([s for s in document["snapshots"] if s["copies"]]) == 5
    assert any("etcd-3" in error["location"] for error in document["errors"])


def test_a_restore_is_refused_with_the_node_s_name_before_anything_is_touched(demo: Demo) -> None:
    refused = demo.command("restore", "latest", "--confirm", "demo")
    assert refused.returncode == 3, refused.stderr
    assert "etcd-3" in refused.stderr
    assert not demo.runs.exists()


def test_health_is_not_claimed(demo: Demo) -> None:
    assert demo.command("health").returncode == 1
