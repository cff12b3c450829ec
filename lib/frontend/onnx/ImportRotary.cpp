//===- ImportRotary.cpp - Rotary position embedding -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/onnx/AttentionParts.h"

using namespace mlir;

namespace narae::onnx {

/// The rotated part of a head of x: `size`, or nothing for the whole head,
/// which is what 0 says.
static FailureOr<Maybe> rotatedPart(const Node &n, Value x, int64_t size) {
  int64_t head = staticDim(x, 3);
  if (size < 0 || size % 2 || (head >= 0 && (size > head || head % 2)))
    return n.error() << "rotary_embedding_dim is " << size << " and a head has "
                     << head << " elements; both must be even, and it at most "
                     << "as large as the head";
  if (size == 0 || size == head)
    return Maybe{};
  return Maybe{constDim(n, size)};
}

/// ai.onnx: X [B, H, S, D] or [B, S, H*D]; caches [positions, R/2] with
/// position_ids [B, S], or [B, S, R/2].
static LogicalResult rotary(Node &n) {
  if (failed(checkRank(n, 0, 3, 4)))
    return failure();
  Value x = n.input(0);
  bool flat = n.rank(0) == 3;
  if (flat)
    x = splitHeads(n, x, n.intAttr("num_heads", 0), "X");
  if (!x)
    return failure();
  int64_t size = n.intAttr("rotary_embedding_dim", 0);
  auto part = rotatedPart(n, x, size);
  if (failed(part))
    return failure();
  if (size == 0)
    size = staticDim(x, 3);
  int64_t cacheRank = n.hasInput(3) ? 2 : 3;
  auto angles = [&](unsigned input) -> Value {
    if (failed(checkRank(n, input, cacheRank, cacheRank)))
      return {};
    Value cache = n.input(input);
    if (int64_t given = staticDim(cache, cacheRank - 1);
        given >= 0 && size >= 0 && given != size / 2) {
      n.error() << "input " << input << " has " << given
                << " angles a position; " << size / 2 << " are needed";
      return {};
    }
    if (n.hasInput(3))
      cache = n.make<fm::GatherOp>(cache, n.input(3), uint64_t(0));
    return n.unsqueeze(cache, {flat ? 2 : 1});
  };
  Value y =
      rotate(n, x, angles(1), angles(2), *part, n.intAttr("interleaved", 0));
  return n.setOutput(0, flat ? mergeHeads(n, y) : y);
}

/// com.microsoft: position_ids before the caches, either [B, S] or [1], the
/// position of the first token.
static LogicalResult contribRotary(Node &n) {
  if (failed(checkRank(n, 0, 3, 4)) || failed(checkRank(n, 1, 1, 2)) ||
      failed(checkRank(n, 2, 2, 2)) || failed(checkRank(n, 3, 2, 2)))
    return failure();
  if (n.intAttr("is_packed_batching", 0))
    return n.error() << "packed batches are not supported; use padded ones";
  Value x = n.input(0);
  bool flat = n.rank(0) == 3;
  int64_t size = n.intAttr("rotary_embedding_dim", 0);
  int64_t half = staticDim(n.input(2), 1);
  if (flat) {
    int64_t heads = n.intAttr("num_heads", 0), hidden = staticDim(x, 2);
    if (heads == 0 && hidden > 0 && half > 0)
      heads = hidden / (2 * half);
    x = splitHeads(n, x, heads, "the input");
  }
  if (!x)
    return failure();
  if (size == 0 && half > 0)
    size = 2 * half;
  auto part = rotatedPart(n, x, size);
  if (failed(part))
    return failure();
  Value positions = n.cast(n.input(1), n.b.getI64Type());
  if (n.rank(1) == 1) {
    Value tokens = dimOf(n, x, flat ? 1 : 2);
    positions = n.make<fm::AddOp>(
        iota(n, {constDim(n, 1), tokens}, 1, n.b.getI64Type()), positions);
  }
  auto angles = [&](unsigned input) {
    Value rows = n.make<fm::GatherOp>(n.input(input), positions, uint64_t(0));
    return n.unsqueeze(rows, {flat ? 2 : 1});
  };
  Value y =
      rotate(n, x, angles(2), angles(3), *part, n.intAttr("interleaved", 0));
  y = mulConst(n, y, n.floatAttr("scale", 1));
  return n.setOutput(0, flat ? mergeHeads(n, y) : y);
}

void addRotary(ImporterTable &table) {
  table.add("RotaryEmbedding", checked<rotary, 3>);
  table.add("RotaryEmbedding", checked<contribRotary, 4>, "com.microsoft");
}

} // namespace narae::onnx
