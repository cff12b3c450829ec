#!/usr/bin/env bash
# Usage: scripts/build.sh [release|debug|asan] [TARGET...]
# Configures and builds: tools in build/bin, the Python package in
# build/python (build-debug and build-asan for the other presets).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=release
case "${1:-}" in
release | debug | asan) preset="$1"; shift ;;
-h | --help) sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;;
esac
directory=build
[[ "$preset" == release ]] || directory="build-$preset"

if [[ ! -f "$directory/build.ninja" ]]; then
  cmake --preset "$preset" --log-level=WARNING
fi
exec ninja -C "$directory" ${NARAE_JOBS:+-j"$NARAE_JOBS"} "$@"
