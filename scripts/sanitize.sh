#!/usr/bin/env bash
# Usage: scripts/sanitize.sh [address|thread|fuzz]...
# Builds what runs without LLVM (runtime, artifacts, planner) with sanitizers
# and runs its unit tests (not the one that runs out of memory: the thread
# sanitizer ends the program then); `fuzz` feeds damaged artifacts, NPU programs, problems and target files to their readers for
# NARAE_FUZZ_SECONDS (60). Without arguments: all three.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
-h | --help) sed -n '2,7s/^# //p' "${BASH_SOURCE[0]}"; exit ;;
esac
jobs="${NARAE_JOBS:-$(nproc)}"

build() {
  cmake --preset "$1" >/dev/null
  cmake --build --preset "$1" -j "$jobs"
}

for what in "${@:-address thread fuzz}"; do
  for name in $what; do
    echo "== $name"
    case "$name" in
    address)
      build asan
      ctest --preset asan -j "$jobs" --output-on-failure
      ;;
    thread)
      build tsan
      ctest --preset tsan -j "$jobs" --output-on-failure
      ;;
    fuzz)
      build asan
      corpus=build-asan/corpus
      mkdir -p "$corpus"
      # Whole artifacts to start from, where some were compiled.
      find build -maxdepth 2 -name '*.narae' -size -64k -exec cp {} "$corpus" \;
      build-asan/bin/artifact_fuzzer -max_total_time="${NARAE_FUZZ_SECONDS:-60}" \
        -artifact_prefix=build-asan/ -print_final_stats=1 "$corpus" 2>&1 | tail -n 12
      for fuzzer in npu_fuzzer npu_object_fuzzer problem_fuzzer target_fuzzer; do
        build-asan/bin/$fuzzer -max_total_time="${NARAE_FUZZ_SECONDS:-60}" \
          -artifact_prefix=build-asan/ -print_final_stats=1 2>&1 | tail -n 12
      done
      ;;
    *)
      echo "sanitize: no '$name'; one of address, thread, fuzz" >&2
      exit 1
      ;;
    esac
  done
done
