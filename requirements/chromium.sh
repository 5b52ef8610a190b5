#!/usr/bin/env bash
# Sees to it that there is a Chromium to test in. Run it through `make browser-test`.
set -euo pipefail

for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo 'No Chromium was found. On Debian: sudo apt-get install chromium, then run this again.' >&2
  exit 1
fi
printf '\033[2m$ %s\033[0m\n' 'apt-get install chromium'
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
