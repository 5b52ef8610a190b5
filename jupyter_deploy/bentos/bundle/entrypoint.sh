#!/bin/sh
# Serves the bundle; `bentoml containerize` writes its own Dockerfile around this file.
set -e
[ ! -d /app/.venv ] || . /app/.venv/bin/activate
case "${1:-}" in
  serve) shift && exec bentoml serve "$@" "${BENTO_PATH:-.}" ;;
  "" | -*) exec bentoml serve "$@" "${BENTO_PATH:-.}" ;;
  *) exec "$@" ;;
esac
