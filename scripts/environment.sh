#!/usr/bin/env bash
# Makes .venv with everything pinned by hash, installing Debian's venv module first where it is missing.
# The packages are fetched by uv where it works (seconds) and by pip elsewhere (about a minute); both check the hashes.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Stepwarden needs Python 3.11 or newer as python3 (or name one: make PYTHON=/path/to/python3.11 ...)" >&2
  exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  echo "installing Debian's python3-venv"
  apt-get update -qq && apt-get install -y -qq python3-venv
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
pip=(.venv/bin/python -m pip install -q --disable-pip-version-check)
echo "installing the pinned packages into .venv"
"${pip[@]}" --require-hashes -r requirements/installer.txt
if ! VIRTUAL_ENV="$PWD/.venv" .venv/bin/uv pip install -q --require-hashes -r requirements/all.txt 2>.venv/uv.log; then
  echo "uv could not (see .venv/uv.log); with pip it takes about a minute"
  "${pip[@]}" --require-hashes -r requirements/all.txt
fi
"${pip[@]}" --no-deps --no-build-isolation -e .
