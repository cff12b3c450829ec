//===- Storage.h - How elements lie in memory -------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sizes of tensors; those of the blocks of `!fm.block` come from
// lib/support/BlockFormats.h.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_DIALECTS_FM_STORAGE_H
#define NARAE_DIALECTS_FM_STORAGE_H

#include "lib/support/BlockFormats.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

namespace narae::fm {

using narae::BlockFormat;
using narae::BlockInfo;
using narae::blockInfo;

/// Bytes of the blocks of 16 rows at one place, as fm.pack_blocks lays them
/// out: those of the blocks themselves but for a little padding.
int64_t panelBlockBytes(BlockFormat format);
/// All formats, in the order of BlockFormat.
llvm::ArrayRef<BlockInfo> blockFormats();
/// The format with that name; none when there is none.
std::optional<BlockFormat> findBlockFormat(llvm::StringRef name);
/// The format of an `!fm.block` type; none for other types.
std::optional<BlockFormat> blockFormatOf(mlir::Type element);

/// Whether elements are strings (`!fm.string`).
bool isString(mlir::Type element);
/// Whether elements are floats that MLIR has no type for: !fm.f4e2m1 and
/// !fm.f8e8m0. They are moved and cast, and nothing else.
bool isCarriedFloat(mlir::Type element);

/// `elements` along the last dimension take `bytes`. Types below a byte take
/// a byte an element.
struct StorageUnit {
  int64_t elements, bytes;
};
StorageUnit storageUnit(mlir::Type element);

/// Bytes of a tensor of static shape: product of the leading dimensions times
/// ceil(last / unit elements) units. INT64_MAX where that overflows.
int64_t storageBytes(mlir::RankedTensorType type);

} // namespace narae::fm

#endif // NARAE_DIALECTS_FM_STORAGE_H
