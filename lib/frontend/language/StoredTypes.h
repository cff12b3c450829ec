//===- StoredTypes.h - Names and sizes of stored elements -------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_LANGUAGE_STOREDTYPES_H
#define NARAE_LIB_FRONTEND_LANGUAGE_STOREDTYPES_H

#include "lib/frontend/language/Model.h"
#include "lib/support/BlockFormats.h"

#include <optional>

namespace narae::language {

/// The block format; none for plain types.
constexpr std::optional<BlockFormat> blockFormat(Storage storage) {
  switch (storage) {
  case Storage::Q4_0:
    return BlockFormat::Q4_0;
  case Storage::Q4_1:
    return BlockFormat::Q4_1;
  case Storage::Q5_0:
    return BlockFormat::Q5_0;
  case Storage::Q5_1:
    return BlockFormat::Q5_1;
  case Storage::Q8_0:
    return BlockFormat::Q8_0;
  case Storage::Q2_K:
    return BlockFormat::Q2_K;
  case Storage::Q3_K:
    return BlockFormat::Q3_K;
  case Storage::Q4_K:
    return BlockFormat::Q4_K;
  case Storage::Q5_K:
    return BlockFormat::Q5_K;
  case Storage::Q6_K:
    return BlockFormat::Q6_K;
  case Storage::IQ4_NL:
    return BlockFormat::IQ4_NL;
  case Storage::F32:
  case Storage::F16:
  case Storage::BF16:
  case Storage::F8E4M3:
    break;
  }
  return std::nullopt;
}

/// "bf16", "q4_0".
constexpr const char *storageName(Storage storage) {
  if (std::optional<BlockFormat> format = blockFormat(storage))
    return blockInfo(*format).name;
  return storage == Storage::F16      ? "f16"
         : storage == Storage::BF16   ? "bf16"
         : storage == Storage::F8E4M3 ? "fp8"
                                      : "f32";
}

/// Elements along a row that lie together, and their bytes: those of a block,
/// or 1 and an element's for types without blocks.
struct StorageBlock {
  int64_t elements, bytes;
};
constexpr StorageBlock storageBlock(Storage storage) {
  if (std::optional<BlockFormat> format = blockFormat(storage))
    return {blockInfo(*format).elements, blockInfo(*format).bytes};
  return {1, storage == Storage::F32 ? 4 : storage == Storage::F8E4M3 ? 1 : 2};
}

} // namespace narae::language

#endif // NARAE_LIB_FRONTEND_LANGUAGE_STOREDTYPES_H
