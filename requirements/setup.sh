#!/usr/bin/env bash
# Makes .venv: a Python of 3.10 or newer, the hashed requirements, the project itself. Run it through `make setup`.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[2m$ %s\033[0m\n' "$*"; }
run() { say "$*"; local start=$SECONDS; "$@"; printf '\033[2m# %s s\033[0m\n' "$((SECONDS - start))"; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }
is_root_on_debian() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.10; do
    if [ -n "$candidate" ] && new_enough "$candidate"; then echo "$candidate"; return; fi
  done
  return 1
}

make_venv() {
  rm -rf .venv
  run "$1" -m venv .venv && return
  local version
  version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  if ! is_root_on_debian; then
    echo "Python $version has no venv module. On Debian: sudo apt-get install python$version-venv, then run this again." >&2
    return 1
  fi
  run apt-get update -qq
  run apt-get install -y -qq "python$version-venv"
  rm -rf .venv
  run "$1" -m venv .venv
}

if ! python=$(find_python); then
  if ! is_root_on_debian; then
    echo "No Python of 3.10 or newer was found. Install one, or name it: make setup PYTHON=/path/to/python3" >&2
    exit 1
  fi
  run apt-get update -qq
  run apt-get install -y -qq python3 python3-venv
  python=$(find_python)
fi

if ! [ -x .venv/bin/python ] || ! new_enough .venv/bin/python; then make_venv "$python"; fi
run .venv/bin/python -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
run .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/dev.txt
export HATCH_JUPYTER_BUILDER_SKIP_NPM=1  # front.sh builds what runs in the browser
run .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
touch .venv/stamp
