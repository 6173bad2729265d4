"""SSH connections that break, freeze or crawl at random moments do not stop a restore."""

from __future__ import annotations

import os
import sys

import pytest

from tests.faults.lab import ROLL_BACK, Lab
from tests.faults.ssh_proxy import RandomCuts, proxied

EVERY = os.environ.get("ETCD_RESCUE_FAULTS") == "every"
RUNS = 50 if EVERY else 1
LONGEST = 1.5 if EVERY else 3.0
"""Seconds between two cuts. Looking at a node must come through in between: on a machine that is
busy with other tests that takes several times as long."""

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5400 if EVERY else 420)]


def test_connections_cut_at_random_moments_do_not_stop_a_restore(lab: Lab) -> None:
    cuts = 0
    for seed in range(RUNS):
        with proxied(lab.demo) as (thread, proxies):
            with RandomCuts(thread, proxies, seed, longest=LONGEST):
                restored = lab.run("restore", "latest", *ROLL_BACK, seconds=400)
            here = sum(proxy.cuts for proxy in proxies)
            assert restored.returncode == 0, (seed, here, restored.stderr[-6000:])
        assert here > 0
        cuts += here
        sys.stdout.write(f"run {seed}: {here} cuts survived\n")
        lab.has_exactly_the_snapshot()
        assert lab.newest_run()["state"] == "succeeded"
        lab.good("runs", "clean")
    sys.stdout.write(f"{RUNS} runs, {cuts} cuts\n")


def test_a_frozen_connection_is_given_up_and_the_run_goes_on(lab: Lab) -> None:
    with proxied(lab.demo) as (thread, proxies):
        running = lab.start("restore", "latest", *ROLL_BACK, "--events", "json")
        lab.wait_for_event(running, "step-started", "stop")
        thread.do(proxies[1].freeze())
        lab.wait_until_silent(running, 8)
        # The frozen connections are lost; new ones come through.
        thread.do(proxies[1].cut())
        thread.do(proxies[1].thaw())
        out, err = running.communicate(timeout=300)
        assert running.returncode == 0, (out, err[-4000:])
    lab.has_exactly_the_snapshot()
    lab.good("runs", "clean")
