#!/usr/bin/env bash
# Usage: scripts/lint.sh [--all | FILE...]
# Checks with clang-format, ruff and clang-tidy the files that are given, all,
# or those that differ from the last commit. clang-tidy needs a build in
# build/ (NARAE_BUILD_DIR); without one it is left out. Files that were clean
# are remembered there, so that --all may be stopped and run again.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
-h | --help) sed -n '2,6s/^# //p' "${BASH_SOURCE[0]}"; exit ;;
--all) mapfile -t files < <(git ls-files) ;;
"") mapfile -t files < <(git diff --name-only HEAD; git ls-files -o --exclude-standard) ;;
*) files=("$@") ;;
esac

build="${NARAE_BUILD_DIR:-build}"
cpp=() python=() tidy=()
for file in "${files[@]}"; do
  [[ -f "$file" ]] || continue
  case "$file" in
  test/data/*) ;;
  *.c | *.h) cpp+=("$file") ;;
  *.cpp)
    cpp+=("$file")
    # Examples and the device library are not in the compile commands.
    [[ -f "$build/compile_commands.json" ]] &&
      grep -qF "/$file\"" "$build/compile_commands.json" && tidy+=("$file")
    ;;
  *.py | *.pyi) python+=("$file") ;;
  esac
done

status=0
if ((${#cpp[@]})); then
  echo "lint: clang-format, ${#cpp[@]} files"
  clang-format-19 --dry-run -Werror "${cpp[@]}" || status=1
fi
if ((${#python[@]})); then
  echo "lint: ruff, ${#python[@]} files"
  .venv/bin/ruff check -q "${python[@]}" || status=1
  .venv/bin/ruff format -q --check "${python[@]}" || status=1
fi
if ((${#tidy[@]})); then
  scripts/tidy.py "$build" "${tidy[@]}" || status=1
fi
exit "$status"
