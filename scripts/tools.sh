#!/usr/bin/env bash
# Debian packages that tests and benchmarks use where they can be had: an independent generator of one-time codes and a
# load generator. Without root, or elsewhere, what needs them skips and says so.
set -uo pipefail
missing=()
for package in "$@"; do
  command -v "$package" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing Debian's ${missing[*]}"
  { apt-get update -qq && apt-get install -y -qq "${missing[@]}"; } >/dev/null 2>&1 || echo "could not install ${missing[*]}"
else
  echo "not installed, so some tests skip: ${missing[*]}"
fi
exit 0
