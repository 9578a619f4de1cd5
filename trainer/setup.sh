#!/usr/bin/env bash
# Makes trainer/.venv where it is missing or where a requirements file has changed, and prints the
# path of its python: the only line on standard output. Runs that find it ready take milliseconds.
# TIDEMARK_PYTHON names another interpreter (3.11 or newer).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
venv="$here/.venv"
python="${TIDEMARK_PYTHON:-python3.11}"
command -v "$python" >/dev/null || python=python3

# The stamp is written last, so an interrupted installation is done again.
wanted="$(cat "$here/requirements.txt" "$here/requirements-dev.txt" | sha256sum | cut -d' ' -f1)"
if [ "$(cat "$venv/stamp" 2>/dev/null || true)" != "$wanted" ]; then
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "trainer: Python 3.11 or newer is needed; $python is $("$python" -V 2>&1)" >&2
    exit 69
  }
  # Two starts at once must not build the same folder together.
  exec 9>"$here/.venv.lock"
  flock 9 2>/dev/null || true
  if [ "$(cat "$venv/stamp" 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
      -r "$here/requirements.txt" -r "$here/requirements-dev.txt" >&2
    echo "$wanted" >"$venv/stamp"
  fi
fi
echo "$venv/bin/python"
