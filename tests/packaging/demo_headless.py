"""Starts `demo --headless` of an installed program and restores its cluster from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile


def main(program: str) -> int:
    """Demo, catalog, restore, health; the demo's directory is gone at the end."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home}
        with subprocess.Popen(
            [program, "demo", "--headless"], stdout=subprocess.PIPE, text=True, env=environment
        ) as demo:
            assert demo.stdout is not None
            inventory = demo.stdout.readline().strip()
            assert os.path.isfile(inventory), inventory  # noqa: PTH113

            def run(*arguments: str) -> subprocess.CompletedProcess[str]:
                return subprocess.run(
                    [program, "--inventory", inventory, *arguments],
                    text=True,
                    capture_output=True,
                    env=environment,
                    check=False,
                )

            listed = run("snapshots", "-o", "json")
            assert listed.returncode == 0, listed.stderr
            cluster = json.loads(listed.stdout)["cluster"]
            assert run("restore", "latest", "--confirm", "nonsense").returncode == 3
            restored = run("restore", "latest", "--confirm", cluster)
            assert restored.returncode == 0, restored.stderr
            health = run("health", "-o", "json", "--wait", "60")
            assert health.returncode == 0, health.stdout + health.stderr
            assert json.loads(health.stdout)["healthy"] is True
            demo.terminate()
            demo.wait(timeout=30)
        assert not os.path.exists(inventory), "the demo left its directory behind"  # noqa: PTH110
    print("restored, proven, and nothing left behind")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
