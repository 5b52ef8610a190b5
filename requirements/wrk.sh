#!/usr/bin/env bash
# Sees to it that there is wrk, the load of the bench. Run it through `make bench-serving`.
set -euo pipefail

if command -v wrk >/dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo 'No wrk was found. On Debian: sudo apt-get install wrk, then run this again.' >&2
  exit 1
fi
printf '\033[2m$ %s\033[0m\n' 'apt-get install wrk'
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wrk >/dev/null
