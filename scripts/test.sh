#!/usr/bin/env bash
# Usage: scripts/test.sh [--full]
# Installs what is missing, builds, then runs GoogleTest, lit, pytest and the ONNX node tests. The last
# line is "N passed, N failed"; exit code 1 when something failed. The node
# tests run twice: as they are, and with all dimensions dynamic. --full adds
# tests marked `slow`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

full=0
case "${1:-}" in
--full) full=1 ;;
"") ;;
*) sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"; [[ "$1" == --help || "$1" == -h ]]; exit ;;
esac

python=.venv/bin/python
scripts/setup.sh || exit 1
results="$PWD/build/test-results"
jobs="${NARAE_JOBS:-$(nproc)}"
mkdir -p "$results"
rm -f "$results"/*
export PYTHONPATH="$PWD/build/python" PATH="$PWD/build/bin:$PATH"

# A step that dies before it writes its results counts as one failure.
step() {
  local name="$1"
  shift
  echo "== $name"
  "$@" || echo "$?" >"$results/$name.exit"
}

step build scripts/build.sh release
if [[ ! -f "$results/build.exit" ]]; then
  step unit ctest --test-dir build -j "$jobs" --output-on-failure --progress \
    --output-junit "$results/unit.xml" --no-tests=ignore
  if [[ -f test/lit/lit.cfg.py ]]; then
    step lit .venv/bin/lit -j "$jobs" -s -v \
      --xunit-xml-output "$results/lit.xml" test/lit
  fi
  marks="not slow"
  ((full)) && marks=""
  step pytest "$python" -m pytest -q -n "$jobs" --dist loadgroup -m "$marks" \
    --junitxml "$results/pytest.xml" test/python
  step nodes "$python" test/conformance/run_node_tests.py --jobs "$jobs" \
    --results "$results/nodes.json"
  step nodes-dynamic "$python" test/conformance/run_node_tests.py --dynamic \
    --jobs "$jobs" --results "$results/nodes-dynamic.json"
  if ((full)); then
    step nodes-npu "$python" test/conformance/run_node_tests.py \
      --target=npu:atom --jobs "$jobs" --results "$results/nodes-npu.json"
  fi
fi
exec "$python" scripts/sum_results.py "$results"
