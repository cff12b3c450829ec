//===- Artifact.h - An artifact as the C API shows it ----------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_RUNTIME_ARTIFACT_H
#define NARAE_RUNTIME_ARTIFACT_H

#include "lib/artifact/Reader.h"
#include "narae/runtime.h"

#include <atomic>
#include <memory>
#include <vector>

namespace narae::runtime {

/// A tensor's name, type and dimensions; the C struct points into `dims`.
struct TensorInfo {
  std::vector<narae_dim> dims;
  narae_tensor_info info;
};

/// A state; the C struct points into `dims`.
struct StateInfo {
  std::vector<narae_dim> dims;
  narae_state_info info;
};

struct EntryInfo {
  const char *name;
  std::vector<TensorInfo> inputs, outputs;
};

} // namespace narae::runtime

/// Immutable after construction. The caller and each session hold one
/// reference.
struct narae_artifact {
  explicit narae_artifact(std::unique_ptr<narae::artifact::Reader> reader);
  void retain() { references.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }

  const std::unique_ptr<narae::artifact::Reader> reader;
  std::vector<narae::runtime::EntryInfo> entries;
  std::vector<narae::runtime::StateInfo> states;

private:
  std::atomic<uint64_t> references{1};
};

#endif // NARAE_RUNTIME_ARTIFACT_H
