#!/usr/bin/env bash
# Debian packages that tests and benchmarks use where they can be had: an independent generator of one-time codes, a load
# generator, a tracer of system calls and so on. Without root, or elsewhere, what needs them skips and says so.
#
#     tools.sh oathtool ssh-agent=openssh-client /usr/share/gocode/src/golang.org/x/mod=golang-golang-x-mod-dev
#
# Each argument is a command, or a path, and after = the package that has it (by default one of the same name).
set -uo pipefail
missing=()
for wanted in "$@"; do
  what=${wanted%%=*}
  if [[ $what == /* ]]; then [ -e "$what" ]; else command -v "$what" >/dev/null; fi || missing+=("${wanted#*=}")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing Debian's ${missing[*]}"
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 ||
    echo "could not install ${missing[*]}"
else
  echo "not installed, so some tests skip: ${missing[*]}"
fi
exit 0
