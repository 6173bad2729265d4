"""What is copied reaches the person's own clipboard through tmux and GNU screen too.

Textual writes OSC 52. tmux ignores that from programs unless `set-clipboard` is `on` (its default
is `external`), but takes a buffer by its own command and passes it on; GNU screen passes on what
is wrapped in DCS strings, of at most 768 bytes each.
"""

from __future__ import annotations

import base64
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

_SECONDS = 3.0
_CHUNK = 700


def hand_on(text: str, environ: Mapping[str, str], write: Callable[[str], object]) -> None:
    """Copy for the multiplexer that this program runs in; nothing where it runs in none."""
    if environ.get("TMUX"):
        threading.Thread(target=_through_tmux, args=(text,), daemon=True).start()
    elif environ.get("STY"):
        write(for_screen(text))


def for_screen(text: str) -> str:
    """The text as OSC 52, in strings that GNU screen passes on as they are."""
    code = f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\a"
    parts = (code[start : start + _CHUNK] for start in range(0, len(code), _CHUNK))
    return "".join(f"\x1bP{part}\x1b\\" for part in parts)


def _through_tmux(text: str) -> None:
    # An older tmux knows no -w: then nothing is copied, as before.
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],
            input=text.encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
