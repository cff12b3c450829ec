//===- TensorTypes.h - Element types of GGUF files --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_GGUF_TENSORTYPES_H
#define NARAE_LIB_FRONTEND_GGUF_TENSORTYPES_H

#include "lib/frontend/language/Model.h"

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>

namespace narae::gguf {

/// A type that can be compiled: blocks of `elements` elements in `bytes` bytes.
struct TensorType {
  uint32_t number; ///< in the file
  llvm::StringLiteral name;
  uint32_t elements, bytes;
  language::Storage storage;
};

/// The type of a number, or null: unknown, or known but not supported.
const TensorType *findTensorType(uint32_t number);
/// "IQ2_XS", "number 77".
std::string tensorTypeName(uint32_t number);
/// "F32, F16, ... and IQ4_NL".
std::string supportedTensorTypes();
/// How many bytes `elements` elements of a storage are; whole blocks.
uint64_t storageBytes(language::Storage storage, uint64_t elements);

} // namespace narae::gguf

#endif // NARAE_LIB_FRONTEND_GGUF_TENSORTYPES_H
