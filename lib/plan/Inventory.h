//===- Inventory.h - The matrices of a model and their bytes ----*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_INVENTORY_H
#define NARAE_LIB_PLAN_INVENTORY_H

#include "lib/frontend/language/Model.h"

#include <functional>

namespace narae::plan {

/// How a matrix is divided among the devices of a tensor-parallel group.
enum class Split {
  Heads,      ///< by query heads
  KeyHeads,   ///< by key heads; copied where there are fewer than devices
  Width,      ///< by any dimension
  Experts,    ///< whole experts, then by width
  Vocabulary, ///< rows of the vocabulary
  Copied      ///< norms, routers, latent projections
};

/// A weight as a plan sees it.
struct Matrix {
  std::string name; ///< the checkpoint's
  int64_t layer = -1;
  /// One matrix is [rows, columns]; there are `count` (experts).
  int64_t count = 1, rows = 1, columns = 1;
  Split split = Split::Width;
  /// Quantised by precisions below 16 bits: matrices of attention and FFN.
  bool isLinear = false;
  /// Matrices read for one token: `count`, the chosen experts, or 0 for the
  /// embedding table, of which a row is read.
  double active = 1;
  /// Elements that count as active; published figures leave gates of attention
  /// and norms out. Negative: all that are read.
  double counted = -1;
  language::Storage storage = language::Storage::BF16;

  double parameters() const { return double(count) * rows * columns; }
};

/// What one layer keeps of a token, in elements.
struct LayerCache {
  int64_t heads = 0;    ///< key heads; 1 for a latent
  int64_t elements = 0; ///< a head: key and value, or the latent
  int64_t window = 0;   ///< tokens kept; 0: all
  bool isLatent = false;
};

/// One layer's work on a token apart from its matrices.
struct LayerAttention {
  int64_t heads = 0, keyDim = 0, valueDim = 0, window = 0;
};

struct Inventory {
  std::string name, family;
  int64_t hidden = 0, vocabulary = 0, layers = 0, maxContext = 0;
  int64_t heads = 0, keyHeads = 0; ///< the fewest of any layer
  int64_t experts = 0, chosen = 0; ///< of the layers that have any
  int64_t widest = 0;              ///< rows of the widest FFN product a token
  std::vector<Matrix> matrices;
  std::vector<LayerCache> caches;
  std::vector<LayerAttention> attentions;
  std::vector<std::string> notes;

  double parameters() const;
  /// Read for one token, without the embedding table and gates.
  double activeParameters() const;
};

/// Takes stock of a description; it needs no weights.
Inventory takeStock(const language::LanguageModel &model);

/// The precisions that plans know: f32, bf16, f16, fp8, int8, int4, and "" for
/// the types of the checkpoint.
const std::vector<std::string> &precisions();

/// Bytes of one of a matrix's `count` at a precision. fp8 has an f32 scale for
/// each 128 x 128 block, int8 and int4 a bf16 scale for each 128 elements, in
/// the linear matrices; all others stay in 16 bits.
double matrixBytes(const Matrix &matrix, const std::string &precision);

/// Bytes from a row of a matrix to the next; scales that lie apart are not part
/// of it.
double rowBytes(const Matrix &matrix, const std::string &precision);

/// Bytes of an element of a cache type: f32, bf16, f16, fp8, q8_0.
double cacheBytes(const std::string &type);

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_INVENTORY_H
