#!/usr/bin/env bash
# Usage: scripts/demo.sh [QUESTION]
# Installs, builds, compiles a sentence encoder and searches by meaning, then
# compiles a language model and lets it answer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh
scripts/build.sh
.venv/bin/python examples/semantic_search.py "$@"
.venv/bin/python examples/ask.py "$@"
