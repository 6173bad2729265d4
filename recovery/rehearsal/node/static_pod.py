"""A static pod, as its manifest describes it."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import yaml

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StaticPod:
    """A pod as its manifest describes it. A changed manifest is another pod: another uid."""

    name: str
    uid: str
    container: str
    command: tuple[str, ...]
    image: str
    environment: tuple[tuple[str, str], ...]


def read_static_pod(path: Path) -> StaticPod | None:
    """The pod that a manifest describes; None where it describes none."""
    try:
        text = path.read_text()
        document = yaml.safe_load(text)
        container = document["spec"]["containers"][0]
        words = [*(container.get("command") or ()), *(container.get("args") or ())]
        return StaticPod(
            name=str(document["metadata"]["name"]),
            uid=hashlib.sha256(text.encode()).hexdigest()[:32],
            container=str(container["name"]),
            command=tuple(str(word) for word in words),
            image=str(container["image"]),
            environment=tuple(
                (str(entry["name"]), str(entry.get("value", "")))
                for entry in container.get("env") or ()
            ),
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, IndexError) as error:
        logger.warning("%s is no static pod: %s", path, error)
        return None
