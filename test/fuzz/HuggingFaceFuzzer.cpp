//===- HuggingFaceFuzzer.cpp - Any bytes as a checkpoint ----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/HuggingFace.h"
#include "lib/frontend/huggingface/Safetensors.h"
#include "lib/frontend/language/Check.h"
#include "lib/frontend/language/Parameters.h"

#include <cstdint>
#include <cstdlib>

using namespace narae;
using llvm::StringRef;

/// Tensors of a header lie inside the file and do not overlap.
static void fuzzSafetensors(StringRef bytes) {
  language::Problems problems;
  std::vector<huggingface::TensorEntry> entries = huggingface::readHeader(
      bytes, bytes.size(), "fuzz.safetensors", problems);
  uint64_t sum = 0;
  for (const huggingface::TensorEntry &entry : entries) {
    if (entry.offset > bytes.size() ||
        entry.length > bytes.size() - entry.offset)
      abort();
    sum += entry.length;
  }
  if (problems.empty() && sum > bytes.size())
    abort();
}

/// A configuration is either described, soundly, or there is a reason why not.
static void fuzzConfig(StringRef bytes) {
  huggingface::Checkpoint checkpoint = huggingface::describeConfig(bytes, {});
  if (!checkpoint.ok())
    return;
  language::checkModel(checkpoint.model, [](const std::string &,
                                            const std::string &) { abort(); });
  if (language::countParameters(checkpoint.model) <
      language::countActiveParameters(checkpoint.model))
    abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  StringRef bytes(reinterpret_cast<const char *>(data), size);
  if (bytes.starts_with("{"))
    fuzzConfig(bytes);
  else
    fuzzSafetensors(bytes);
  return 0;
}
