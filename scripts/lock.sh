#!/usr/bin/env bash
# Resolves pyproject.toml and requirements/dev.in into requirements/all.txt, and requirements/soft.in into soft.txt: names,
# versions and hashes, no address.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/uv pip compile -q --all-extras --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
  --universal --python-version 3.11 pyproject.toml requirements/dev.in -o requirements/all.txt
.venv/bin/uv pip compile -q --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
  --universal --python-version 3.11 requirements/soft.in -o requirements/soft.txt
