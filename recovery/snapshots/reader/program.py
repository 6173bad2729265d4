"""The reader as a program: options, progress, and one JSON document."""

import os
import sys
from typing import List

from recovery.snapshots.reader.answer import read_database


def main(arguments: List[str]) -> int:
    """The program."""
    options = [each for each in arguments if each.startswith("--")]
    paths = [each for each in arguments if not each.startswith("--")]
    if len(paths) != 1 or set(options) - {"--brief", "--progress"}:
        sys.stderr.write("usage: reader [--brief] [--progress] FILE\n")
        return 2
    report = tell_on_stderr if "--progress" in options else None
    try:
        document = read_database(paths[0], "--brief" in options, report, forked=True)
    except OSError as error:
        document = {"error": error.strerror or str(error)}
    import json

    sys.stdout.write(json.dumps(document) + "\n")
    return 2 if "error" in document else 0


def tell_on_stderr(done: int, total: int) -> None:
    """A line of progress."""
    sys.stderr.write("%d %d\n" % (done, total))
    sys.stderr.flush()


def run() -> None:
    """The program as a process, which ends at once, without tidying up its memory."""
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)
