#!/usr/bin/env bash
# Builds the wheel, installs it into a clean environment away from the checkout, and runs it there.
set -euo pipefail
checkout=$PWD
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
"$checkout/.venv/bin/python" -m venv --without-pip "$work/venv"
pip() { "$checkout/.venv/bin/python" -m pip --disable-pip-version-check "$@"; }
if ! "$checkout/.venv/bin/python" -m pip --version >/dev/null 2>&1; then
  pip() { python3 -m pip --disable-pip-version-check "$@"; }
fi
pip --python "$work/venv/bin/python" install --quiet "$checkout[demo]"
cd "$work"
"$work/venv/bin/etcd-rescue" --version
"$work/venv/bin/etcd-rescue" --help >/dev/null
"$work/venv/bin/python" - <<'END'
from importlib.resources import files

assert "clusters:" in (files("assets") / "example-inventory.yaml").read_text()
import recovery, screens, tui, tui.app

for package in (recovery, screens, tui):
    assert "site-packages" in (package.__file__ or ""), package.__file__
print("the wheel carries its assets")
END
"$work/venv/bin/python" "$checkout/tests/packaging/demo_headless.py" "$work/venv/bin/etcd-rescue"
