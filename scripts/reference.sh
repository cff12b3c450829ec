#!/usr/bin/env bash
# Usage: scripts/reference.sh [DIRECTORY]
# Writes the reference of ops and passes from TableGen (docs/reference).
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
out="${1:-$root/docs/reference}"
mkdir -p "$out"
tblgen=/usr/lib/llvm-19/bin/mlir-tblgen
include=(-I "$root" -I /usr/lib/llvm-19/include)

{
  echo "# Ops"
  echo
  echo "Generated from TableGen by \`scripts/reference.sh\`."
  for dialect in fm rt hbm; do
    name="${dialect^}"
    "$tblgen" -gen-dialect-doc -dialect="$dialect" "${include[@]}" \
      "$root/dialects/$dialect/${name}Ops.td" | sed 's/^#/##/'
  done
} >"$out/ops.md"

{
  echo "# Passes"
  echo
  echo "Generated from TableGen by \`scripts/reference.sh\`."
  for phase in graph place dispatch schedule memory; do
    echo
    echo "## Phase \`$phase\`"
    echo
    "$tblgen" -gen-pass-doc "${include[@]}" "$root/lib/$phase/Passes.td" |
      grep -v '^<!--' | sed 's/^###/###/'
  done
} >"$out/passes.md"
