#!/usr/bin/env bash
# Builds what runs in the browser and lets the JupyterLab of .venv find it. Run it through `make setup`.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

run() { printf '\033[2m$ %s\033[0m\n' "$*"; local start=$SECONDS; "$@"; printf '\033[2m# %s s\033[0m\n' "$((SECONDS - start))"; }
quiet() { run "$@" >.venv/front.log 2>&1 || { cat .venv/front.log >&2; return 1; }; tail -1 .venv/front.log; }

quiet jlpm --cwd labextension install --immutable
quiet jlpm --cwd labextension build
mkdir -p .venv/share/jupyter/labextensions .venv/etc/jupyter/jupyter_server_config.d
ln -sfn "$PWD/jupyter_deploy/labextension" .venv/share/jupyter/labextensions/jupyterlab-deploy
ln -sf "$PWD"/jupyter-config/server-config/*.json .venv/etc/jupyter/jupyter_server_config.d/
touch .venv/front
