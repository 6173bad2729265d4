"""The errors about scripts, in words."""

from __future__ import annotations

from recovery.errors import LoginRefusedError, ScriptError
from recovery.inventory.model import Node
from recovery.ssh.plain_text import plain_text

_LAST_LINES = 20
_LONGEST_REASON = 160


def script_failure(what: str, *, node: str, exit_status: int | None, stderr: str) -> ScriptError:
    """`what`, with the last line of the error output behind it, and more lines in the detail."""
    lines = plain_text(stderr).strip().split("\n")[-_LAST_LINES:]
    reason = lines[-1].strip()
    if len(reason) > _LONGEST_REASON:
        reason = reason[: _LONGEST_REASON - 1] + "…"
    error = ScriptError(
        f"{what}: {reason}" if reason else what, where=node, detail="\n".join(lines)
    )
    error.exit_status = exit_status
    return error


def never_began(node: Node, preamble: bytes, stderr: str) -> LoginRefusedError:
    """The login succeeded, but no script came to run: sudo, or the account, refused."""
    said = preamble.decode("utf-8", "backslashreplace")
    parts = (plain_text(text).strip() for text in (stderr, said))
    detail = "\n".join(part for part in parts if part)
    if not node.ssh.sudo:
        return LoginRefusedError(
            "the login is accepted, but the account runs no commands",
            where=node.name,
            remedy="check the account's shell there, and a forced command in authorized_keys",
            detail=detail,
        )
    if "sudo" in stderr and "not found" in stderr:
        return LoginRefusedError(
            "there is no sudo",
            where=node.name,
            remedy="log in as root (ssh.user: root, ssh.sudo: false)",
            detail=detail,
        )
    return LoginRefusedError(
        "sudo refuses to run commands without a password",
        where=node.name,
        remedy="allow the user NOPASSWD in sudoers there, or log in as root (ssh.user: root)",
        detail=detail,
    )
