"""A command on a rehearsal node's PATH: hands what was typed to the node, prints the answer.

Usage: shim.py SOCKET PROGRAM [ARGUMENT …]. The standard library only, so that it starts fast.
"""

import json
import os
import socket
import sys


def main(arguments: "list[str]") -> int:
    """Ask the node; the exit status is the command's own."""
    address, program, *rest = arguments
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect("\0" + address)
        except OSError as error:
            sys.stderr.write(f"{program}: the node is off: {error}\n")
            return 1
        asked = {
            "words": [program, *rest],
            "directory": _directory(),
            "kubeconfig": os.environ.get("KUBECONFIG", ""),
            "stdin": _input(rest),
        }
        connection.sendall(json.dumps(asked).encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answers:
            answer = json.loads(answers.read() or b'{"out": "", "err": "no answer\\n", "exit": 1}')
    # A program may say bytes that are no text.
    sys.stdout.buffer.write(answer["out"].encode("utf-8", "surrogateescape"))
    sys.stderr.buffer.write(answer["err"].encode("utf-8", "surrogateescape"))
    return int(answer["exit"])


def _input(arguments: "list[str]") -> str:
    """Standard input where the command reads it: `-f -`."""
    reads = "-" in arguments or "--filename=-" in arguments
    return sys.stdin.read() if reads else ""


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - pathlib takes as long to import as all the rest
    except OSError:
        return "/"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
