#!/usr/bin/env bash
# Builds what runs in the browser and lets the JupyterLab of .venv find it. Run it through `make setup`.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export PATH="$root/.venv/bin:$PATH"

run() {
  printf '\033[2m$ %s\033[0m\n' "$*"
  local start=$SECONDS
  if ! "$@" >"$root/.venv/front.log" 2>&1; then
    cat "$root/.venv/front.log" >&2
    return 1
  fi
  printf '\033[2m# %s s\033[0m\n' "$((SECONDS - start))"
}

cd labextension
run jlpm install --immutable
run jlpm build
cd ..
mkdir -p .venv/share/jupyter/labextensions .venv/etc/jupyter/jupyter_server_config.d
rm -rf .venv/share/jupyter/labextensions/jupyterlab-deploy  # what installing the project copied
ln -s "$root/jupyter_deploy/labextension" .venv/share/jupyter/labextensions/jupyterlab-deploy
ln -sf "$root"/jupyter-config/server-config/*.json .venv/etc/jupyter/jupyter_server_config.d/
touch .venv/front
