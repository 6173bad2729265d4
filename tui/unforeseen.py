"""An error that the program did not foresee: the log gets it in full, a person gets a sentence."""

from __future__ import annotations

import os
import sys
import traceback
from datetime import UTC, datetime

from recovery.errors import RescueError
from recovery.places import make_private, state_directory


def tell_unforeseen() -> None:
    """To be called while the exception is handled. Where no log can be written, stderr gets all."""
    words = traceback.format_exc()
    try:
        log = make_private(state_directory(os.environ)) / "etcd-rescue.log"
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} unforeseen, at a command\n{words}\n")
        log.chmod(0o600)
    except (OSError, RescueError):
        sys.stderr.write(words)
        where = "it stands above"
    else:
        where = f"the log has it: {log}"
    last = "".join(filter(str.isprintable, words.strip().splitlines()[-1]))
    sys.stderr.write(
        f"etcd-rescue met an error that it did not foresee: {last}\n"
        f"  → {where}. What was begun on nodes can be resumed: etcd-rescue runs show\n"
    )
