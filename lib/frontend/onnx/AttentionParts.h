//===- AttentionParts.h - What attention ops share --------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_FRONTEND_ONNX_ATTENTIONPARTS_H
#define NARAE_LIB_FRONTEND_ONNX_ATTENTIONPARTS_H

#include "lib/frontend/onnx/Compose.h"

namespace narae::onnx {

/// [B, S, H*D] as [B, S, H, D]; null after a diagnostic naming `what`.
mlir::Value splitHeads(const Node &n, mlir::Value value, int64_t heads,
                       llvm::StringRef what);
/// [B, S, H, D] as [B, S, H*D].
mlir::Value mergeHeads(const Node &n, mlir::Value value);
/// The value times `scale` or, where that is 0, 1 / sqrt(size of a head).
mlir::Value scaleByHead(const Node &n, mlir::Value value, mlir::Value size,
                        double scale);
/// The factor of the scores for fm.attention: `scale` or, where that is 0,
/// 1 / sqrt(size of a head). Where the size is computed at run time, the query
/// is multiplied instead and the factor is 1.
double headScale(const Node &n, mlir::Value &query, double scale);
/// [B, G, T, D] with each head repeated until there are as many as `query`,
/// [B, H, S, D], has.
mlir::Value repeatHeads(const Node &n, mlir::Value value, mlir::Value query);

/// The keys that a query sees, by position: query s stands at `offset` + s.
struct Positions {
  mlir::Value queries, keys;     ///< dimensions S and T
  mlir::Value offset;            ///< [1] or [B, 1, 1, 1] i64
  bool causal = false;           ///< hides keys behind the query's position
  int64_t left = -1, right = -1; ///< window around it; -1: unbounded
};
/// Where keys may be seen, i1 [1 or B, 1, S, T] (or [S, T]); null, without a
/// diagnostic, when all may be.
Maybe visible(const Node &n, const Positions &positions);
/// 0 where the condition holds, otherwise minus infinity.
mlir::Value additive(const Node &n, mlir::Value condition, mlir::Type type);

/// Rotates the last dimension of `x`, its first `size` (a dimension) elements
/// or, where that is null, all, by angles whose cosines and sines broadcast to
/// [.., size / 2].
mlir::Value rotate(const Node &n, mlir::Value x, mlir::Value cosines,
                   mlir::Value sines, Maybe size, bool interleaved);

} // namespace narae::onnx

#endif // NARAE_LIB_FRONTEND_ONNX_ATTENTIONPARTS_H
