# Makes a virtual environment for a checkout. Sourced by the scripts at its top.
#
# Works where the system's Python is externally managed, and where ensurepip is missing (Debian
# without python3-venv): the system's pip then installs into the environment from outside.

# make_environment CHECKOUT EXTRA: .venv in the checkout, with the program and that extra.
make_environment() {
  checkout=$1
  extra=$2
  stamp="$checkout/.venv/installed-$extra"
  if [ -f "$stamp" ] && [ ! "$checkout/pyproject.toml" -nt "$stamp" ]; then
    return 0
  fi
  python=$(find_python)
  if [ ! -x "$checkout/.venv/bin/python" ]; then
    echo "making $checkout/.venv" >&2
    "$python" -m venv --without-pip "$checkout/.venv"
  fi
  echo "installing etcd-rescue[$extra] into $checkout/.venv, this takes a minute" >&2
  if "$checkout/.venv/bin/python" -m pip --version >/dev/null 2>&1; then
    set -- "$checkout/.venv/bin/python" -m pip
  elif "$checkout/.venv/bin/python" -m ensurepip >/dev/null 2>&1; then
    set -- "$checkout/.venv/bin/python" -m pip
  elif "$python" -m pip --version >/dev/null 2>&1; then
    set -- "$python" -m pip --python "$checkout/.venv/bin/python"
  else
    echo "no pip was found: install python3-pip or python3-venv, and start again" >&2
    return 1
  fi
  "$@" install --quiet --disable-pip-version-check --no-warn-script-location --use-pep517 \
    --editable "$checkout[$extra]" >&2 || return 1
  : > "$stamp"
}

find_python() {
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return 0
    fi
  done
  echo "Python 3.11 or later is needed, and none was found on the PATH" >&2
  return 1
}
