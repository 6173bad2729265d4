"""Stands for a scheduler or a controller manager: runs until it is told to stop."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Wait for SIGTERM or SIGINT."""
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    sys.exit(main())
