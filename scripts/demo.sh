#!/usr/bin/env bash
# Usage: scripts/demo.sh [QUESTION]
# Installs, builds, compiles a sentence encoder and searches by meaning.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh
scripts/build.sh
exec .venv/bin/python examples/semantic_search.py "$@"
