#!/usr/bin/env bash
# Sees to it that there is strace, with which faults are made. Run it through `make faults`, which skips what needs it where it cannot be
# had.
set -euo pipefail

if command -v strace >/dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo 'No strace was found, so the faults that need it are skipped. On Debian: sudo apt-get install strace' >&2
  exit 0
fi
printf '\033[2m$ %s\033[0m\n' 'apt-get install strace'
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends strace >/dev/null
