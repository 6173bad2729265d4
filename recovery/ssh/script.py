"""Builds small node scripts that read well: strict mode, then named and quoted values."""

from __future__ import annotations

import shlex

HEADER = "set -eu\n"


def assignments(**values: str | int) -> str:
    """Lines that set shell variables: `target="/a b"` becomes `TARGET='/a b'`.

    Names are written in capitals; every value is quoted, so that nothing in it is ever run.
    """
    return "".join(f"{name.upper()}={shlex.quote(str(value))}\n" for name, value in values.items())


def script(body: str, **values: str | int) -> str:
    """A whole script: `set -eu`, the values, then the body without its indentation."""
    import textwrap

    return HEADER + assignments(**values) + textwrap.dedent(body).strip("\n") + "\n"
