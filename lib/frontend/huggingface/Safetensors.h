//===- Safetensors.h - Tensors of safetensors files -------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_HUGGINGFACE_SAFETENSORS_H
#define NARAE_LIB_FRONTEND_HUGGINGFACE_SAFETENSORS_H

#include "lib/frontend/language/Problem.h"

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace narae::huggingface {

/// A tensor as a header states it: bytes [offset, offset + length) of `file`,
/// which lie inside it and are as many as type and shape ask for.
struct TensorEntry {
  std::string name;
  std::string type; ///< "F32", "BF16", "F8_E4M3", ...
  std::vector<int64_t> shape;
  std::string file; ///< relative to the checkpoint's folder
  uint64_t offset = 0, length = 0;
};

/// Bits of an element; 0 for a type that the format does not know.
unsigned bitsOfType(llvm::StringRef type);

/// Reads the header of a file of `fileSize` bytes. `start` holds its first
/// bytes: at least 8 and the header when the file has them. All tensors that
/// are sound are returned; of the others, problems are noted.
std::vector<TensorEntry> readHeader(llvm::StringRef start, uint64_t fileSize,
                                    const std::string &file,
                                    language::Problems &problems);

/// The same for `folder`/`file`, of which only the header is read.
std::vector<TensorEntry> readSafetensors(const std::string &folder,
                                         const std::string &file,
                                         language::Problems &problems);

} // namespace narae::huggingface

#endif // NARAE_LIB_FRONTEND_HUGGINGFACE_SAFETENSORS_H
