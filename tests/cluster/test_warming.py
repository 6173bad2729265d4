"""What is imported beside the event loop is imported by one thread at a time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from recovery.warming import S3, SSH_AND_ETCD, warmed

SLOW = """
import sys, time
assert "half_there" not in sys.modules, "another one is being imported"
sys.modules["half_there"] = sys
time.sleep(0.2)
del sys.modules["half_there"]
"""


async def test_two_that_warm_at_once_do_not_import_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("warming_one", "warming_other"):
        (tmp_path / f"{name}.py").write_text(SLOW)
    await asyncio.gather(warmed("warming_one"), warmed("warming_other"))
    assert {"warming_one", "warming_other"} <= set(sys.modules)


def test_stores_and_members_can_be_warmed_by_two_screens_at_once() -> None:
    program = (
        "import asyncio\nfrom recovery.warming import S3, SSH_AND_ETCD, warmed\n"
        "async def both():\n    await asyncio.gather(warmed(*SSH_AND_ETCD), warmed(*S3))\n"
        "asyncio.run(both())\n"
    )
    assert S3[0] == SSH_AND_ETCD[0] == "six.moves"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
