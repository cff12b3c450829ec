//===- Attention.h - Attention block by block ------------------ -*- C++
//-*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_BACKENDS_NPU_COMPILER_OPS_ATTENTION_H
#define NARAE_BACKENDS_NPU_COMPILER_OPS_ATTENTION_H

#include "backends/npu/compiler/ops/Matmul.h"

namespace narae::npu {

/// Attention of a tile of queries over blocks of keys, whatever the operands'
/// layouts: softmax(scale * q k^T, where keys that are not seen count nothing)
/// v.
struct BlockedAttention {
  std::optional<AxisId> queries; ///< of the result's tile; none: one query
  std::optional<AxisId> columns; ///< of the result's tile: all of a value
  Expr keys;                     ///< number of keys
  Expr size;                     ///< elements of a key
  double scale = 1, softcap = 0;
  ElementType type = ElementType::F32; ///< of products
  /// Rounds of keys that are looked at; null: as many as keys need.
  std::optional<Scalar> rounds;
  /// The tiles of queries [queries, d], keys [t, d] and values [t, columns] for
  /// these axes.
  std::function<llvm::FailureOr<Tile>(AxisId d)> query;
  std::function<llvm::FailureOr<Tile>(AxisId t, AxisId d)> key;
  std::function<llvm::FailureOr<Tile>(AxisId t)> value;
  /// Scores [queries, t] with what is added and what is hidden (-inf).
  std::function<llvm::FailureOr<Tile>(Tile scores, AxisId t)> adjust;
};

/// Keys of a block.
constexpr int64_t kKeyBlock = 256;

/// The result [queries, columns], f32.
llvm::FailureOr<Tile> emitAttention(TileBuilder &b,
                                    const BlockedAttention &attention);

} // namespace narae::npu

#endif // NARAE_BACKENDS_NPU_COMPILER_OPS_ATTENTION_H
