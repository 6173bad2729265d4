"""A command on a rehearsal node's PATH: hands what was typed to the node, prints the answer.

Usage: shim.py SOCKET PROGRAM [ARGUMENT …]. Scripts on nodes call it dozens of times, so it imports
what the interpreter has loaded already and nothing more: `socket` and `json` take twice as long to
load as all the rest.
"""

import os
import sys
from _socket import AF_UNIX, SHUT_WR, socket

_CHUNK = 65536


def main(arguments: "list[str]") -> int:
    """Ask the node; the exit status is the command's own."""
    address, program, *rest = arguments
    connection = socket(AF_UNIX)
    try:
        connection.connect("\0" + address)
    except OSError as error:
        sys.stderr.write(f"{program}: the node is off: {error}\n")
        return 1
    # As `read_question` in simulated_node.py reads it; no argument of a program has a NUL.
    words = [program, *rest]
    head = [_directory(), os.environ.get("KUBECONFIG", ""), str(len(words)), *words, ""]
    connection.sendall("\0".join(head).encode("utf-8", "surrogateescape") + _input(rest))
    connection.shutdown(SHUT_WR)
    answer = b""
    while chunk := connection.recv(_CHUNK):
        answer += chunk
    if not answer:
        sys.stderr.write("no answer\n")
        return 1
    status, size, said = answer.split(b"\0", 2)
    # A program may say bytes that are no text.
    sys.stdout.buffer.write(said[: int(size)])
    sys.stderr.buffer.write(said[int(size) :])
    return int(status)


def _input(arguments: "list[str]") -> bytes:
    """Standard input where the command reads it: `-f -`."""
    reads = "-" in arguments or "--filename=-" in arguments
    return sys.stdin.buffer.read() if reads else b""


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - pathlib takes as long to import as all the rest
    except OSError:
        return "/"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
